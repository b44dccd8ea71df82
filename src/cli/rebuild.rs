//! `pgrepl rebuild`.

use super::drive::Drive;
use super::pipe::{Course, Draft, Way};
use super::plan::{DiffArgument, no_plan, show};
use super::undo::{ended, undo};
use super::{Failure, FailureKind, Global, context};
use crate::action::Action;

use crate::facts::Observation;
use crate::facts::backups::Backup;
use crate::facts::way::Line;
use crate::files::recovery::Target;
use crate::inventory::NodeName;
use crate::observe::commits::count_commits;
use crate::plan::rebuild::fallback::copies_next;
use crate::plan::rebuild::{CopySource, Rebuild, RebuildRequest, rebuild};
use crate::plan::{Plan, restore};

use crate::report::style::count;

/// Makes a server a standby again, whatever became of it, in the cheapest way that works
///
/// Examples:
///   pgrepl rebuild server2
///   pgrepl rebuild server1 --from primary --confirm server1 --auto-approve
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The server that is rebuilt
    #[arg(value_name = "HOST")]
    node: String,
    /// Where its data comes from: auto, rewind, primary, backup, backup:ID, or the name of another server
    #[arg(long, value_name = "WAY", default_value = "auto")]
    from: String,
    /// Skips the approval prompt
    #[arg(long)]
    auto_approve: bool,
    /// Confirms that this server's data may be replaced
    #[arg(long, value_name = "HOST")]
    confirm: Vec<String>,
    /// After a failure, leaves everything as it is then: without it data that was set aside is put back, and a standby started
    #[arg(long)]
    no_put_back: bool,
    /// Shows the plan and changes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How much of a file's change is shown: full, changed, none
    #[arg(long, default_value = "none")]
    diff: DiffArgument,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let loaded = context::load(global, None)?;
    context::limit(&loaded.cluster, std::slice::from_ref(&arguments.node))?;
    let from = match arguments.from.as_str() {
        "auto" => CopySource::Auto,
        "rewind" => CopySource::Rewind,
        "primary" => CopySource::Primary,
        // Which one is known once the mount was read.
        way if way == "backup" || way.starts_with("backup:") => CopySource::Auto,
        host => {
            context::limit(&loaded.cluster, &[host.to_owned()])?;
            CopySource::Host(NodeName::from(host))
        }
    };
    let again = format!(
        "pgrepl -i {} rebuild {}",
        loaded.path.display(),
        arguments.node
    );
    let drive = Drive {
        approved: arguments.auto_approve,
        replaces: true,
        ..Drive::open(global, &loaded, "rebuild", again)?
    };
    let node = NodeName::from(arguments.node.as_str());
    drive.run(go(&drive, arguments, &node, from))
}

async fn go(
    drive: &Drive<'_>,
    arguments: &Arguments,
    node: &NodeName,
    from: CopySource,
) -> Result<u8, Failure> {
    let way = Way {
        dry_run: arguments.dry_run,
        diff: arguments.diff.diff(),
        confirm: &arguments.confirm,
        ..Way::default()
    };
    let make = |seen: &Observation, from: CopySource, rewind_failed: bool, commits: Option<u64>| {
        let wish = RebuildRequest {
            node,
            from,
            rewind_failed,
            commits,
        };
        rebuild(&drive.loaded.cluster, &drive.loaded.templates, seen, &wish)
            .map_err(|error| no_plan(drive.global, seen, error))
    };
    let plan = async |seen: &Observation| {
        let from = match arguments.from.strip_prefix("backup") {
            Some(id) => CopySource::Backup(Box::new(
                backup(drive, seen, node, id.strip_prefix(':')).await?,
            )),
            None => from.clone(),
        };
        let mut planned = make(seen, from.clone(), false, None)?;
        if let Some(own) = planned.own {
            let (cluster, hosts) = (&drive.loaded.cluster, &drive.connections.hosts);
            let commits = count_commits(cluster, hosts, seen, node, own).await;
            planned = make(seen, from, false, commits)?;
        }
        draft(node, planned)
    };
    let mut done = match drive.carry_out(&way, plan).await? {
        Course::Idle(..) => return Ok(0),
        Course::Done(done) => done,
    };
    let before = done.seen.clone();
    let mut failed = drive.conclude(&done.draft.plan, &done.outcomes, done.interrupted);
    let by_itself = from == CopySource::Auto && !arguments.from.starts_with("backup");
    let all = ended(&done.outcomes);
    if copies_next(&done.draft.plan, &all, by_itself, done.interrupted) {
        // The next cheapest way; what was approved is that the data is replaced.
        done.seen = drive.look().await;
        match make(&done.seen, CopySource::Auto, true, None) {
            Ok(next) => {
                done.draft.plan = next.plan;
                let (plan, seen) = (&done.draft.plan, &done.seen);
                if drive.speaks() {
                    let seconds = done.begin.elapsed().as_secs_f64();
                    show(drive.global, drive.loaded, plan, seen, seconds, way.diff);
                }
                (done.outcomes, done.interrupted) = drive.execute(plan, seen).await?;
                failed = drive.conclude(plan, &done.outcomes, done.interrupted);
            }
            Err(no) => {
                let why = failed.err().map_or_else(String::new, |why| why.message());
                let message = format!("{why}\n  {}", no.message());
                failed = Err(Failure::new(FailureKind::PartWay, message).help(no.help));
            }
        }
    }
    let plan = &done.draft.plan;
    let changed = match failed {
        Ok(changed) => changed,
        Err(failure) if arguments.no_put_back => return Err(failure),
        Err(failure) => return Err(undo(drive, plan, &done.outcomes, &before, failure).await),
    };
    let something_left = |_: &Plan| {
        let message = format!("all steps succeeded, but {node} still differs");
        Failure::new(FailureKind::PartWay, message)
            .help(format!("pgrepl plan {}", drive.loaded.path.display()))
    };
    let limit = std::slice::from_ref(&arguments.node);
    let (_, left) = drive
        .prove(&done, limit, &plan.leader, something_left)
        .await?;
    if !left.is_empty() {
        return Err(something_left(&left));
    }
    drive.tell_done(done.begin, |seconds| {
        let steps = count(changed, "step");
        format!("{node} is a standby; {steps} in {seconds}; read again: it streams.")
    });
    Ok(0)
}

/// Adds the word that the data of a server is replaced with, and why nothing may be done.
fn draft(node: &NodeName, planned: Rebuild) -> Result<Draft<()>, Failure> {
    let Rebuild { plan, may_lose, .. } = planned;
    let replaces = |step: &Action| matches!(step, Action::SetAside(_) | Action::Rewind(_));
    let word = (may_lose.is_some() || plan.steps.iter().any(|step| replaces(&step.action)))
        .then(|| may_lose.unwrap_or_else(|| format!("the data of {node} is replaced")));
    let blocked = plan.blocked().find(|(name, _)| *name == node);
    let refused = blocked
        .filter(|_| plan.steps.is_empty())
        .map(|(_, blocked)| {
            let message = format!("{node} is left alone: {}", blocked.message);
            Failure::new(FailureKind::Refused, message).help(blocked.help.clone())
        });
    Ok(Draft {
        word: word.map(|what| (node.clone(), what)),
        refused,
        ..Draft::new(plan, ())
    })
}

/// Finds the backup that a standby is made from: by its name, or the newest one that leads to what the primary has.
async fn backup(
    drive: &Drive<'_>,
    seen: &Observation,
    to: &NodeName,
    id: Option<&str>,
) -> Result<Backup, Failure> {
    let cluster = &drive.loaded.cluster;
    let (_, there) = super::backup::read(cluster, &drive.connections, seen).await?;
    let wish = restore::request::RestoreRequest {
        to,
        target: &Target::Latest,
        moment: None,
        backup: id,
        // A standby goes on with what the cluster lives on.
        timeline: Line::Latest,
    };
    let way = restore::choose(cluster, &there, &wish)
        .map_err(|error| no_plan(drive.global, seen, error))?;
    Ok(way.backup.clone())
}
