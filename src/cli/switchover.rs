//! `pgrepl switchover`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::drive::Drive;
use super::pipe::{Course, Done, Draft, Way};
use super::plan::{DiffArgument, no_plan};
use super::undo::ended;
use super::write::roles;
use super::{Failure, FailureKind, Global, context, secrets};
use crate::action::{Action, Pause, Start, TakeAddress};
use crate::execute::Outcomes;
use crate::facts::Observation;
use crate::facts::leader::leader;
use crate::inventory::{Moment, NodeName};
use crate::plan::builder::platform_of;
use crate::plan::switchover::cut::{Course as NextCourse, Cut, after_cut, cut_short};
use crate::plan::switchover::{SwitchoverRequest, logins, switchover};
use crate::plan::{Goal, Plan, Step};
use crate::report::event::Outcome;
use crate::report::style::count;
use crate::report::{foreign, sink};

/// How many seconds clients of poolers wait for a transaction that does not end.
pub(super) const PATIENCE: u64 = 5;

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
    /// Confirms that this standby may lead although archiving ends with that, or clients are shut out
    #[arg(long, value_name = "HOST")]
    confirm: Vec<String>,
    /// Lets transactions that take longer than this end with the primary, instead of refusing while poolers wait for them
    #[arg(long, value_name = "SECONDS")]
    terminate_after: Option<u64>,
    /// How many seconds the primary has to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 90)]
    timeout: u64,
    /// Exchanges the two names in the inventory afterwards
    #[arg(long)]
    write_inventory: bool,
    /// Checks everything, shows the plan and changes nothing
    #[arg(long)]
    pub dry_run: bool,
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
        leads: true,
        ..Drive::open(global, &loaded, "switchover", again)?
    };
    let wish = SwitchoverRequest {
        to: to.as_ref(),
        token: &token,
        seconds: arguments.timeout,
        pause: Pause {
            seconds: arguments.terminate_after.unwrap_or(PATIENCE),
            terminates: arguments.terminate_after.is_some(),
        },
    };
    drive.run(go(&drive, arguments, &wish))
}

async fn go(
    drive: &Drive<'_>,
    arguments: &Arguments,
    wish: &SwitchoverRequest<'_>,
) -> Result<u8, Failure> {
    let cluster = &drive.loaded.cluster;
    let plan = |seen: &Observation, wish: &SwitchoverRequest<'_>| {
        switchover(cluster, &drive.loaded.templates, seen, wish)
            .map_err(|error| no_plan(drive.global, seen, error))
    };
    let way = Way {
        dry_run: arguments.dry_run,
        diff: arguments.diff.diff(),
        confirm: &arguments.confirm,
        ..Way::default()
    };
    let draft = async |seen: &Observation| match plan(seen, wish) {
        Ok(plan) => {
            let word = plan.needs_word().map(|what| foreign::line(&what));
            Ok(Draft {
                word: word.map(|what| (plan.leader.clone(), what)),
                ..Draft::new(plan, ())
            })
        }
        Err(no) => Err(with_logins(drive, seen, wish, no).await),
    };
    let done = match drive.carry_out(&way, draft).await? {
        Course::Idle(draft, seen) if arguments.dry_run => {
            return rehearse(drive, draft.plan, &seen).await;
        }
        Course::Idle(draft, _) => {
            let to = &draft.plan.leader;
            if drive.speaks() {
                sink::err(&format!("{to} is the primary already: nothing to do.\n"));
            }
            return roles(drive, arguments.write_inventory, to);
        }
        Course::Done(done) => done,
    };
    let Goal::Switchover(to) = done.draft.plan.goal.clone() else {
        return Ok(0);
    };
    let (changed, begin) = finish(drive, done, &to, wish).await?;
    drive.tell_done(begin, |seconds| {
        let steps = count(changed, "step");
        format!("{to} leads; {steps} in {seconds}; rows written on it are read on every standby.")
    });
    roles(drive, arguments.write_inventory, &to)
}

/// Goes on until the roles are changed and proved, or undoes it; returns how many steps changed something, and since when.
pub(super) async fn finish<T>(
    drive: &Drive<'_>,
    mut done: Done<T>,
    to: &NodeName,
    wish: &SwitchoverRequest<'_>,
) -> Result<(usize, Instant), Failure> {
    let cluster = &drive.loaded.cluster;
    let plan = |seen: &Observation, wish: &SwitchoverRequest<'_>| {
        switchover(cluster, &drive.loaded.templates, seen, wish)
            .map_err(|error| no_plan(drive.global, seen, error))
    };
    // Who led before, for the way back.
    let from = leader(cluster.major, &done.seen, &cluster.primary)
        .map(|leader| leader.node().clone())
        .unwrap_or_else(|_| cluster.primary.clone());
    drive.changing(&done.draft.plan, &from);
    let wish = SwitchoverRequest {
        to: Some(to),
        ..*wish
    };
    let mut carried = false;
    while let Some(cut) = cut_short(&done.draft.plan, &ended(&done.outcomes)) {
        let patience = Duration::from_secs(match cut {
            Cut::Undecided => 30,
            Cut::Clear => 0,
        });
        let seen = look_for(drive, to, patience).await;
        let (next, no) = match plan(&seen, &wish) {
            Ok(next) => (Some(next), String::new()),
            Err(no) => (None, no.message()),
        };
        let last = carried || done.interrupted;
        let asked = format!("{to} was asked to promote");
        let stays = format!("{from} stays stopped, because there could be two primaries");
        match after_cut(cut, to, &seen, next.is_some(), last) {
            NextCourse::GoOn => {
                let server = seen.facts(to).and_then(|facts| facts.server.as_ref());
                carried = server.is_some_and(|server| server.in_recovery);
                done.draft.plan = next.unwrap_or(done.draft.plan);
                done.seen = seen;
            }
            NextCourse::Unread => {
                let message = format!("{asked}, did not answer, and cannot be read: {stays}");
                let again = &drive.again;
                return Err(Failure::new(FailureKind::PartWay, message).help(format!(
                    "look at {to}; if it leads: {again}; if it does not: pgrepl apply"
                )));
            }
            NextCourse::Leads => {
                let message = format!("{to} leads, and {from} is stopped: {no}");
                let help = format!("pgrepl apply {}", drive.loaded.path.display());
                return Err(Failure::new(FailureKind::PartWay, message).help(help));
            }
            NextCourse::StillStandby => {
                let message = format!("{asked} and is still a standby: {stays}");
                let help = format!("look at the log of {to}, then: {}", drive.again);
                return Err(Failure::new(FailureKind::PartWay, message).help(help));
            }
            NextCourse::GoBack => {
                return Err(
                    start_again(drive, &done.draft.plan, &done.outcomes, &seen, &from).await,
                );
            }
        }
        (done.outcomes, done.interrupted) = drive.execute(&done.draft.plan, &done.seen).await?;
    }
    if let Some((why, help)) = kept_from_stopping(drive, &done.draft.plan, &done.outcomes) {
        let message = format!(
            "nothing was stopped, and clients go on: {}",
            foreign::line(&why)
        );
        return Err(Failure::new(FailureKind::Refused, message).help(help));
    }
    let changed = drive.conclude(&done.draft.plan, &done.outcomes, done.interrupted)?;
    drive
        .prove(&done, &[], to, |_| {
            let message = format!("{to} leads, and yet something is left to do");
            Failure::new(FailureKind::PartWay, message)
                .help(format!("pgrepl apply {}", drive.loaded.path.display()))
        })
        .await?;
    Ok((changed, done.begin))
}

/// Says what kept the primary from being stopped, and what to type: a hook, or a pooler that waited in vain. Others end because
/// of that, so the first one is the reason.
fn kept_from_stopping(
    drive: &Drive<'_>,
    plan: &Plan,
    outcomes: &Outcomes,
) -> Option<(String, String)> {
    let steps = plan.steps.iter().zip(outcomes).enumerate();
    let stopped = steps.clone().any(|(_, (step, outcome))| {
        matches!(step.action, Action::Stop(_)) && !matches!(outcome, Outcome::Skipped { .. })
    });
    let ended = drive.ended.borrow();
    let reasons = steps.filter_map(|(at, (step, outcome))| {
        let again = drive.again.clone();
        let why = match outcome {
            Outcome::Refused { expected, found } => format!("expected {expected}, found {found}"),
            Outcome::Failed { message, .. } => message.clone(),
            Outcome::Unknown { because } => because.clone(),
            _ => return None,
        };
        let reason = match (&step.action, outcome) {
            (Action::PointPooler(_), Outcome::Refused { .. }) => {
                let help = "wait until it has ended, or let it end with the primary";
                let help = format!("{help}: {again} --terminate-after 30");
                (format!("{}: {why}", step.node), help)
            }
            (Action::PointPooler(_), _) => (format!("{}: {why}", step.node), again),
            (Action::RunHook(hook), _) if hook.moment == Moment::BeforeDemote => {
                (format!("{}: {why}", step.action.act().title()), again)
            }
            _ => return None,
        };
        Some((ended.iter().rposition(|(step, _)| *step == at), reason))
    });
    let first = reasons.min_by_key(|(ended, _)| *ended);
    first.filter(|_| !stopped).map(|(_, reason)| reason)
}

/// Adds to what forbids a switchover the logins that do not work, so that all of it is told at once.
async fn with_logins(
    drive: &Drive<'_>,
    seen: &Observation,
    wish: &SwitchoverRequest<'_>,
    mut no: Failure,
) -> Failure {
    let (cluster, templates) = (&drive.loaded.cluster, &drive.loaded.templates);
    let Some(logins) = logins(cluster, templates, seen, wish) else {
        return no;
    };
    if let Ok((outcomes, _)) = drive.execute(&logins, seen).await
        && let Err(closed) = drive.conclude(&logins, &outcomes, false)
    {
        let closed = closed.message();
        no.laid_out = no
            .laid_out
            .map(|text| format!("{}\n{closed}", text.trim_end()));
        no.error = anyhow::anyhow!("{}\n{closed}", no.message().trim_end());
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
async fn start_again(
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
            FailureKind::PartWay,
            format!("{why}\n{from} is stopped and could not be started again: {more}"),
        )
        .help(format!("pgrepl apply {}", drive.loaded.path.display()))
    };
    let Some(unit) = unit else {
        return not_back("it cannot be read");
    };
    let step = |action: Action| Step {
        phase: 0,
        node: from.clone(),
        action,
        why: "it is the primary again".into(),
        needs: Vec::new(),
    };
    let address = drive.loaded.cluster.address_on(from);
    let take = address.map(|address| step(TakeAddress { address }.into()));
    let back = Plan {
        steps: [step(Start { unit }.into())]
            .into_iter()
            .chain(take)
            .collect(),
        leader: from.clone(),
        ..failed.clone()
    };
    match drive.execute(&back, seen).await {
        Ok((outcomes, _)) if outcomes.iter().all(Outcome::is_good) => Failure::new(
            FailureKind::Failed,
            format!("{why}\nthe switchover was given up: {from} was started again and is the primary as before"),
        )
        .help(drive.again.clone()),
        Ok((outcomes, _)) if outcomes.first().is_some_and(Outcome::is_good) => {
            let no = drive.conclude(&back, &outcomes, false).err();
            let no = no.map_or_else(String::new, |failure| failure.message());
            Failure::new(
                FailureKind::PartWay,
                format!("{why}\nthe switchover was given up: {from} was started again, and its address could not be given back: {no}"),
            )
            .help(format!("pgrepl apply {}", drive.loaded.path.display()))
        }
        Ok((outcomes, _)) => not_back(
            &drive
                .conclude(&back, &outcomes, false)
                .err()
                .map_or_else(String::new, |failure| failure.message()),
        ),
        Err(failure) => not_back(&failure.message()),
    }
}
