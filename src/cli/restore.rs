//! `pgrepl restore`.

use std::path::PathBuf;

use super::backup::read;
use super::drive::Drive;
use super::drop_copy::{Drop, drop_copy, look};
use super::pipe::{Course, Draft, Way};
use super::plan::{DiffArgument, no_plan};
use super::undo::{go_back, undo};
use super::{Failure, FailureKind, Global, context};
use crate::action::Action;
use crate::facts::Observation;
use crate::facts::way::Line;
use crate::files::recovery::Target;
use crate::inventory::NodeName;
use crate::plan::Plan;
use crate::plan::builder::place_of;
use crate::plan::restore::beside::free;
use crate::plan::restore::copy::{Aside, restore_copy};
use crate::plan::restore::request::RestoreRequest;
use crate::plan::restore::{led_before, restore};
use crate::postgres::Timeline;
use crate::report::archive::windows;
use crate::report::copy::usage;
use crate::report::plan::remark;
use crate::report::style::count;

/// Brings the cluster back to a moment in the past: one server is restored, the others are copied from it
///
/// Examples:
///   pgrepl restore --to server1 --time "2026-01-31 12:00:00" --dry-run
///   pgrepl restore --to server1 --latest --confirm server1
///   pgrepl restore --to server2 --time "2026-01-31 12:00:00" --data-directory /srv/restored --port 5433
///   pgrepl restore --drop /srv/restored --to server2
///   pgrepl restore --put-back
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    inventory: Option<PathBuf>,
    /// The server that is restored and leads afterwards; with --data-directory or --drop, where that directory is
    #[arg(
        long,
        value_name = "HOST",
        required_unless_present = "put_back",
        default_value = "",
        hide_default_value = true
    )]
    to: String,
    #[command(flatten)]
    target: TargetArgument,
    /// The backup it begins with; else the newest one before the target
    #[arg(long, value_name = "ID")]
    backup: Option<String>,
    /// The timeline it follows: a number, latest (the one the cluster lives on) or current (that of the backup); else the
    /// one that the cluster was on at the target
    #[arg(long, value_name = "ID", value_parser = line)]
    timeline: Option<Line>,
    /// Restores into this directory, as a server of its own, and leaves the cluster alone
    #[arg(long, value_name = "DIRECTORY")]
    data_directory: Option<String>,
    /// The port of that server
    #[arg(
        long,
        value_name = "PORT",
        requires = "data_directory",
        default_value_t = 5433
    )]
    port: u16,
    /// Skips the approval prompt
    #[arg(long)]
    auto_approve: bool,
    /// Confirms that the data of the cluster is replaced; with --drop, that the copy is removed
    #[arg(long, value_name = "HOST")]
    confirm: Vec<String>,
    /// After a failure, leaves everything as it is then: without it what was set aside is put back, and what ran is started
    #[arg(long, conflicts_with = "data_directory")]
    no_put_back: bool,
    /// Shows the plan and changes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How much of a file's change is shown: full, changed, none
    #[arg(long, default_value = "none")]
    diff: DiffArgument,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct TargetArgument {
    /// To this moment; without an offset it is local time
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// To this position in the WAL
    #[arg(long, value_name = "LSN")]
    lsn: Option<String>,
    /// To this transaction
    #[arg(long, value_name = "NUMBER")]
    xid: Option<u32>,
    /// To this restore point
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// To the first consistent moment
    #[arg(long)]
    immediate: bool,
    /// To the end of the archive
    #[arg(long)]
    latest: bool,
    /// To nothing: after a restore that was killed, what it set aside gets its place again
    #[arg(long, conflicts_with_all = ["to", "backup", "timeline", "data_directory"])]
    put_back: bool,
    /// To nothing: a copy that was restored into this directory is removed, with its server and its tablespaces
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["backup", "timeline", "data_directory", "no_put_back"])]
    drop: Option<String>,
}

/// Reads a timeline as PostgreSQL does: decimal, or with 0x in front hexadecimal.
fn line(text: &str) -> Result<Line, String> {
    let number = match text {
        "latest" => return Ok(Line::Latest),
        "current" => return Ok(Line::Current),
        _ => text.strip_prefix("0x").map_or_else(
            || text.parse().ok(),
            |hex| u32::from_str_radix(hex, 16).ok(),
        ),
    };
    let number = number.filter(|number| *number > 0);
    number
        .map(|number| Line::Id(Timeline(number)))
        .ok_or_else(|| "expected the number of a timeline, latest or current".to_owned())
}

/// Reads a moment: with an offset, or in local time.
fn moment(text: &str) -> Result<jiff::Timestamp, Failure> {
    let normal = text.trim().replacen(' ', "T", 1);
    let short_offset = normal.len() > 3
        && normal.is_char_boundary(normal.len() - 3)
        && normal[normal.len() - 3..].starts_with(['+', '-'])
        && normal.contains(':');
    let with_offset = if short_offset {
        format!("{normal}:00")
    } else {
        normal.clone()
    };
    if let Ok(at) = with_offset.parse::<jiff::Timestamp>() {
        return Ok(at);
    }
    let local = normal
        .parse::<jiff::civil::DateTime>()
        .ok()
        .and_then(|local| local.to_zoned_datetime(jiff::tz::TimeZone::system()).ok());
    local.map(|local| local.timestamp()).ok_or_else(|| {
        Failure::new(FailureKind::Usage, format!("cannot read the time {text:?}"))
            .help("--time \"2026-01-31 12:00:00\", in local time, or with an offset: \"2026-01-31 12:00:00+01\"")
    })
}

impl TargetArgument {
    fn target(&self) -> Result<(Target, Option<u64>), Failure> {
        if let Some(time) = &self.time {
            let at = moment(time)?;
            // The server is told the moment with its offset, whatever its own zone is.
            let told = at.strftime("%Y-%m-%d %H:%M:%S%.f+00").to_string();
            return Ok((Target::Time(told), u64::try_from(at.as_second()).ok()));
        }
        let target = match (&self.lsn, self.xid, &self.name) {
            (Some(lsn), _, _) => Target::Lsn(
                lsn.parse()
                    .map_err(|error: String| Failure::new(FailureKind::Usage, error))?,
            ),
            (_, Some(xid), _) => Target::Transaction(xid),
            (_, _, Some(name)) => Target::Name(name.clone()),
            _ if self.immediate => Target::Immediate,
            _ => Target::Latest,
        };
        Ok((target, None))
    }
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let loaded = context::load(global, arguments.inventory.as_ref())?;
    if arguments.target.put_back {
        let again = format!("pgrepl restore {} --put-back", loaded.path.display());
        let drive = Drive {
            approved: arguments.auto_approve,
            replaces: true,
            ..Drive::open(global, &loaded, "restore", again)?
        };
        return drive.run(go_back(&drive, arguments.dry_run));
    }
    context::limit(&loaded.cluster, std::slice::from_ref(&arguments.to))?;
    if let Some(directory) = &arguments.target.drop {
        let way = Way {
            dry_run: arguments.dry_run,
            confirm: &arguments.confirm,
            ..Way::default()
        };
        let drop = Drop {
            directory,
            to: &NodeName::from(arguments.to.as_str()),
            approved: arguments.auto_approve,
        };
        return drop_copy(global, &loaded, &drop, &way);
    }
    let (target, moment) = arguments.target.target()?;
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    if moment.is_some_and(|moment| moment > now) {
        return Err(Failure::new(
            FailureKind::Refused,
            format!("{target} is in the future: no archive reaches to it"),
        )
        .help("--latest"));
    }
    let again = format!(
        "the same restore again; where the archive does not have the target, with one that it has: pgrepl backup list {}",
        loaded.path.display()
    );
    let drive = Drive {
        approved: arguments.auto_approve,
        replaces: true,
        ..Drive::open(global, &loaded, "restore", again)?
    };
    let to = NodeName::from(arguments.to.as_str());
    let wish = RestoreRequest {
        to: &to,
        target: &target,
        moment,
        backup: arguments.backup.as_deref(),
        timeline: arguments.timeline.unwrap_or(Line::Found),
    };
    drive.run(go(&drive, arguments, &wish))
}

async fn go(
    drive: &Drive<'_>,
    arguments: &Arguments,
    wish: &RestoreRequest<'_>,
) -> Result<u8, Failure> {
    let way = Way {
        dry_run: arguments.dry_run,
        diff: arguments.diff.diff(),
        confirm: &arguments.confirm,
        ..Way::default()
    };
    let plan = async |seen: &Observation| draft(drive, arguments, wish, seen).await;
    let done = match drive.carry_out(&way, plan).await? {
        Course::Idle(..) => return Ok(0),
        Course::Done(done) => done,
    };
    let plan = &done.draft.plan;
    if arguments.data_directory.is_none()
        && let Some(from) = led_before(&drive.loaded.cluster, &done.seen, wish.to)
    {
        drive.changing(plan, &from);
    }
    let concluded = drive.conclude(plan, &done.outcomes, done.interrupted);
    if arguments.data_directory.is_some() {
        concluded?;
        drive.tell_done(done.begin, |seconds| {
            let used = used(drive, plan, &done.seen).unwrap_or_default();
            format!(
                "a copy of the cluster runs on {}, in {seconds}\n{used}",
                wish.to
            )
        });
        return Ok(0);
    }
    let changed = match concluded {
        Ok(changed) => changed,
        Err(failure) if arguments.no_put_back => return Err(failure),
        Err(failure) => return Err(undo(drive, plan, &done.outcomes, &done.seen, failure).await),
    };
    drive
        .prove(&done, &[], wish.to, |_| {
            let message = "the restore is done, and yet something is left to do";
            Failure::new(FailureKind::PartWay, message)
                .help(format!("pgrepl apply {}", drive.loaded.path.display()))
        })
        .await?;
    drive.tell_done(done.begin, |seconds| {
        let steps = count(changed, "step");
        format!(
            "{} leads with the data of {}; {steps} in {seconds}. Take a new backup: pgrepl backup run",
            wish.to, wish.target
        )
    });
    Ok(0)
}

/// Tells how the copy that a plan made is used.
fn used(drive: &Drive<'_>, plan: &Plan, seen: &Observation) -> Option<String> {
    let cluster = &drive.loaded.cluster;
    let (node, copy) = plan.steps.iter().find_map(|step| match &step.action {
        Action::RestoreCopy(copy) => Some((&step.node, copy)),
        _ => None,
    })?;
    let place = place_of(cluster, seen.facts(node)?, node)?;
    let facts = seen.facts(&plan.leader);
    let writes = facts.and_then(|facts| facts.server.as_ref());
    let primary = writes
        .filter(|server| !server.in_recovery)
        .and_then(|_| Some((&plan.leader, cluster.nodes.get(&plan.leader)?.port)));
    Some(usage(copy, &place, primary))
}

/// Reads the backups and plans what was asked for.
async fn draft(
    drive: &Drive<'_>,
    arguments: &Arguments,
    wish: &RestoreRequest<'_>,
    seen: &Observation,
) -> Result<Draft<()>, Failure> {
    let cluster = &drive.loaded.cluster;
    let (_, there) = read(cluster, &drive.connections, seen).await?;
    let templates = &drive.loaded.templates;
    let no = |error| no_plan(drive.global, seen, error);
    let plan = match &arguments.data_directory {
        Some(data_directory) => {
            let (to, port) = (wish.to, arguments.port);
            let aside = Aside {
                data_directory,
                port,
            };
            let plan = restore_copy(cluster, templates, seen, &there, wish, &aside).map_err(no)?;
            let beside = look(drive, seen, to, data_directory, Some(port)).await?;
            free(cluster, &plan, &beside).map_err(no)?;
            plan
        }
        None => restore(cluster, templates, seen, &there, wish).map_err(no)?,
    };
    let style = drive.global.out();
    let mut said = String::new();
    if let (Some(typed), Some(moment)) = (&arguments.target.time, wish.moment) {
        let here = super::backup::moment(moment);
        let told = format!("is {here} here and {} for the server.", wish.target);
        said += &remark(&format!("{typed:?}"), &told, style);
    }
    for line in windows(&there, &super::backup::moment) {
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        said += &remark(word, rest, style);
    }
    let word = arguments.data_directory.is_none().then(|| {
        let what = format!(
            "every server goes back to {}, and what was committed later is only in the directories that are set aside",
            wish.target
        );
        (wish.to.clone(), what)
    });
    Ok(Draft {
        remark: said,
        word,
        ..Draft::new(plan, ())
    })
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn moments_are_read_with_their_offset() {
        let at = |text: &str| moment(text).unwrap().to_string();
        assert_eq!(at("2026-01-31 12:00:00+01"), "2026-01-31T11:00:00Z");
        assert_eq!(
            at("2026-01-31 12:00:00.25-05:30"),
            "2026-01-31T17:30:00.25Z"
        );
        assert_eq!(at("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00Z");
        assert!(moment("2026-01-31 12:00:00").is_ok());
        assert!(moment("yesterday").is_err());
    }
}
