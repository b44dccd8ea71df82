//! `pgrepl switchover`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::drive::Drive;
use super::plan::{DiffArgument, make, no_plan, show};
use super::write::roles;
use super::{Failure, Global, Kind, context, secrets};
use crate::action::{Action, Start};
use crate::execute::Outcomes;
use crate::facts::Observation;
use crate::facts::leader::leader;
use crate::inventory::NodeName;
use crate::plan::builder::platform_of;
use crate::plan::switchover::{Wish, logins, switchover};
use crate::plan::{Goal, Plan, Step};
use crate::report::event::Outcome;
use crate::report::{foreign, sink};

/// Makes a standby the primary and the primary its standby; no commit is lost, and what cannot be finished is undone
///
/// Examples:
///   pgrepl switchover --to server2
///   pgrepl switchover --to server2 --dry-run
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    inventory: Option<PathBuf>,
    /// The standby that is to lead; may be left out where only one can
    #[arg(long, value_name = "HOST")]
    to: Option<String>,
    /// Does not ask
    #[arg(long)]
    auto_approve: bool,
    /// Answers that this standby may lead although archiving ends with that, or clients are shut out
    #[arg(long, value_name = "HOST")]
    confirm: Vec<String>,
    /// How many seconds the primary has to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 90)]
    timeout: u64,
    /// Exchanges the two names in the inventory afterwards
    #[arg(long)]
    write_inventory: bool,
    /// Checks everything, shows the plan and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// How much of a file's change is shown: full, changed, none
    #[arg(long, default_value = "none")]
    diff: DiffArgument,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let loaded = context::load(global, arguments.inventory.as_ref())?;
    let to = arguments.to.as_deref().map(NodeName::from);
    let token = secrets::token()?;
    let again = match &to {
        Some(to) => format!("pgrepl switchover {} --to {to}", loaded.path.display()),
        None => format!("pgrepl status {}", loaded.path.display()),
    };
    let drive = Drive {
        approved: arguments.auto_approve,
        ..Drive::open(global, &loaded, "switchover", again)?
    };
    let wish = Wish {
        to: to.as_ref(),
        token: &token,
        seconds: arguments.timeout,
    };
    drive.run(go(&drive, arguments, &wish))
}

async fn go(drive: &Drive<'_>, arguments: &Arguments, wish: &Wish<'_>) -> Result<u8, Failure> {
    let begin = Instant::now();
    let cluster = &drive.loaded.cluster;
    let plan = |seen: &Observation, wish: &Wish| {
        switchover(cluster, &drive.loaded.templates, seen, wish)
            .map_err(|error| no_plan(drive.global, seen, error))
    };
    let mut seen = drive.look().await;
    let mut doing = match plan(&seen, wish) {
        Ok(doing) => doing,
        Err(no) => return Err(with_logins(drive, &seen, wish, no).await),
    };
    if drive.speaks() || arguments.dry_run {
        let seconds = begin.elapsed().as_secs_f64();
        show(
            drive.global,
            drive.loaded,
            &doing,
            &seen,
            seconds,
            arguments.diff.diff(),
        );
    }
    if arguments.dry_run {
        return rehearse(drive, doing, &seen).await;
    }
    let Goal::Switchover(to) = doing.goal.clone() else {
        return Ok(0);
    };
    // Who led before, for the inventory and for the way back.
    let from = leader(cluster.major, &seen, &cluster.primary)
        .map(|leader| leader.node().clone())
        .unwrap_or_else(|_| cluster.primary.clone());
    if doing.steps.is_empty() {
        if drive.speaks() {
            sink::err(&format!("{to} is the primary already: nothing to do.\n"));
        }
        return roles(drive, arguments.write_inventory, &to);
    }
    if let Some(what) = doing.needs_word() {
        drive.confirm(&to, &foreign::line(&what), &arguments.confirm)?;
    }
    drive.ask(&doing)?;
    let _locks = drive.lock(&seen).await?;
    if !drive.approved {
        seen = drive.look().await;
        if plan(&seen, wish)? != doing {
            return Err(Failure::new(
                Kind::Stale,
                "a host has changed since the plan was shown; nothing was done",
            )
            .help("run it again"));
        }
    }
    let wish = Wish {
        to: Some(&to),
        ..*wish
    };
    let (mut outcomes, mut interrupted) = drive.execute(&doing, &seen).await?;
    let mut carried = false;
    while let Some(why) = cut_short(&doing, &outcomes) {
        // The primary is stopped and nobody was promoted: go on with what the standby lacks, or go back.
        let patience = Duration::from_secs(match why {
            Cut::Undecided => 30,
            Cut::Clear => 0,
        });
        seen = look_for(drive, &to, patience).await;
        let next = plan(&seen, &wish);
        let standby = seen.facts(&to).and_then(|facts| facts.server.as_ref());
        match (standby, next) {
            (Some(server), Ok(next)) if !server.in_recovery || !(carried || interrupted) => {
                carried = server.in_recovery;
                doing = next;
            }
            (None, _) if matches!(why, Cut::Undecided) => {
                return Err(Failure::new(
                    Kind::PartWay,
                    format!("{to} was asked to promote, did not answer, and cannot be read: {from} stays stopped, because there could be two primaries"),
                )
                .help(format!("look at {to}; if it leads: {}; if it does not: pgrepl apply", drive.again)));
            }
            (Some(server), _) if matches!(why, Cut::Undecided) && server.in_recovery => {
                return Err(Failure::new(
                    Kind::PartWay,
                    format!("{to} was asked to promote and is still a standby: {from} stays stopped, because there could be two primaries"),
                )
                .help(format!("look at the log of {to}, then: {}", drive.again)));
            }
            _ => return Err(undo(drive, &doing, &outcomes, &seen, &from).await),
        }
        (outcomes, interrupted) = drive.execute(&doing, &seen).await?;
    }
    let changed = drive.conclude(&doing, &outcomes, interrupted)?;
    let seen = drive.verify(&doing, &outcomes, &seen).await;
    let left = make(drive.global, drive.loaded, &seen, &[])?;
    if !left.steps.is_empty() || left.leader != to {
        return Err(Failure::new(
            Kind::PartWay,
            format!("{to} leads, and yet something is left to do"),
        )
        .help(format!("pgrepl apply {}", drive.loaded.path.display())));
    }
    if drive.speaks() {
        sink::err(&format!(
            "{} {to} leads; {changed} steps in {:.1} s; rows written on it are read on every standby.\n",
            drive.global.err().green("Done:"),
            begin.elapsed().as_secs_f64()
        ));
    }
    roles(drive, arguments.write_inventory, &to)
}

/// Adds to what forbids a switchover the logins that do not work, so that all of it is told at once.
async fn with_logins(
    drive: &Drive<'_>,
    seen: &Observation,
    wish: &Wish<'_>,
    mut no: Failure,
) -> Failure {
    let (cluster, templates) = (&drive.loaded.cluster, &drive.loaded.templates);
    let Some(logins) = logins(cluster, templates, seen, wish) else {
        return no;
    };
    if let Ok((outcomes, _)) = drive.execute(&logins, seen).await
        && let Err(closed) = drive.conclude(&logins, &outcomes, false)
    {
        no.error = anyhow::anyhow!("{}\n{}", no.message().trim_end(), closed.message());
    }
    no
}

/// Does the part of a plan that changes nothing: the logins.
async fn rehearse(drive: &Drive<'_>, plan: Plan, seen: &Observation) -> Result<u8, Failure> {
    let logins = Plan {
        steps: plan
            .steps
            .into_iter()
            .filter(|step| matches!(step.action, Action::TryLogin(_)))
            .collect(),
        ..plan
    };
    let (outcomes, interrupted) = drive.execute(&logins, seen).await?;
    drive.conclude(&logins, &outcomes, interrupted)?;
    if drive.speaks() {
        sink::err("Nothing was changed.\n");
    }
    Ok(0)
}

/// How a handover ended in the middle.
enum Cut {
    /// Nobody was promoted.
    Clear,
    /// The promotion was asked for, and what became of it is not known.
    Undecided,
}

/// Says whether the primary was stopped, or may have been, without another one in its place.
fn cut_short(plan: &Plan, outcomes: &Outcomes) -> Option<Cut> {
    let outcome = |wanted: &dyn Fn(&Action) -> bool| {
        plan.steps
            .iter()
            .zip(outcomes)
            .find(|(step, _)| wanted(&step.action))
            .map(|(_, outcome)| outcome)
    };
    let stop = outcome(&|action| matches!(action, Action::Stop(_)));
    let promote = outcome(&|action| matches!(action, Action::Promote(_)))?;
    if promote.is_good() || matches!(stop, Some(Outcome::Skipped { .. })) {
        return None;
    }
    Some(match promote {
        Outcome::Unknown { .. } => Cut::Undecided,
        _ => Cut::Clear,
    })
}

/// Reads every host, again and again while the new primary does not answer.
async fn look_for(drive: &Drive<'_>, to: &NodeName, patience: Duration) -> Observation {
    let until = Instant::now() + patience;
    loop {
        let seen = drive.look().await;
        let answers = seen.facts(to).is_some_and(|facts| facts.server.is_some());
        if answers || Instant::now() > until {
            return seen;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Starts the old primary again, and tells why and with what success.
async fn undo(
    drive: &Drive<'_>,
    failed: &Plan,
    outcomes: &Outcomes,
    seen: &Observation,
    from: &NodeName,
) -> Failure {
    let why = drive
        .conclude(failed, outcomes, false)
        .err()
        .map(|failure| failure.message())
        .unwrap_or_default();
    let unit = seen
        .facts(from)
        .and_then(|facts| platform_of(&drive.loaded.cluster, facts, from))
        .map(|platform| platform.unit);
    let not_back = |more: &str| {
        Failure::new(
            Kind::PartWay,
            format!("{why}\n{from} is stopped and could not be started again: {more}"),
        )
        .help(format!("pgrepl apply {}", drive.loaded.path.display()))
    };
    let Some(unit) = unit else {
        return not_back("it cannot be read");
    };
    let back = Plan {
        steps: vec![Step {
            phase: 0,
            node: from.clone(),
            action: Start { unit }.into(),
            why: "it is the primary again".into(),
            needs: Vec::new(),
        }],
        leader: from.clone(),
        ..failed.clone()
    };
    match drive.execute(&back, seen).await {
        Ok((outcomes, _)) if outcomes.iter().all(Outcome::is_good) => Failure::new(
            Kind::Failed,
            format!("{why}\nthe switchover was given up: {from} was started again and is the primary as before"),
        )
        .help(drive.again.clone()),
        Ok((outcomes, _)) => not_back(
            &drive
                .conclude(&back, &outcomes, false)
                .err()
                .map_or_else(String::new, |failure| failure.message()),
        ),
        Err(failure) => not_back(&failure.message()),
    }
}
