//! `pgrepl update`.

use std::path::PathBuf;
use std::time::Instant;

use super::drive::Drive;
use super::pipe::{Course, Draft, Way};
use super::plan::{DiffArgument, no_plan};
use super::switchover::{PATIENCE, finish};
use super::write::roles;
use super::{Failure, FailureKind, Global, context, secrets};
use crate::action::Pause;
use crate::command::shell_word;
use crate::facts::{Advice, Observation};
use crate::observe::offers::look_for_offers;
use crate::plan::switchover::SwitchoverRequest;
use crate::plan::update::next;
use crate::plan::update::request::{UpdateRequest, Via};
use crate::plan::update::whole::{MOST, old_extensions, parts, whole};
use crate::plan::{Goal, Plan};
use crate::report::style::count;
use crate::report::{foreign, sink};

/// How the primary gets to the new version.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum ViaArgument {
    /// A standby takes over, and the primary follows it
    Switchover,
    /// The primary is restarted
    Restart,
}

/// Brings every server to another minor version, one after the other: the standbys, then by a switchover the primary
///
/// Examples:
///   pgrepl update --dry-run
///   pgrepl update --to 16.15 --switch-back
///   pgrepl update --restart-only
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    inventory: Option<PathBuf>,
    /// The minor version; else the inventory's, else the newest that is offered
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Installs nothing: restarts the servers that run with what was replaced since
    #[arg(long)]
    restart_only: bool,
    /// How the primary gets there; without it by a switchover where a standby can lead
    #[arg(long, value_name = "WAY")]
    via: Option<ViaArgument>,
    /// Lets the inventory's primary lead again in the end
    #[arg(long)]
    switch_back: bool,
    /// Brings extensions in the databases to what is installed (ALTER EXTENSION … UPDATE)
    #[arg(long)]
    extensions: bool,
    /// Does not ask
    #[arg(long)]
    auto_approve: bool,
    /// Confirms that this standby may lead although something ends with that
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
    /// Shows the plan and changes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How much of a file's change is shown: full, changed, none
    #[arg(long, default_value = "none")]
    diff: DiffArgument,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let loaded = context::load(global, arguments.inventory.as_ref())?;
    let token = secrets::token()?;
    let again = format!(
        "pgrepl update {}{}",
        loaded.path.display(),
        options(arguments)
    );
    let drive = Drive {
        approved: arguments.auto_approve,
        leads: true,
        ..Drive::open(global, &loaded, "update", again)?
    };
    let pinned = loaded.cluster.minor.as_deref();
    let wish = UpdateRequest {
        settings: false,
        to: arguments.to.as_deref().or(pinned),
        restart_only: arguments.restart_only,
        via: arguments.via.map(|via| match via {
            ViaArgument::Switchover => Via::Switchover,
            ViaArgument::Restart => Via::Restart,
        }),
        switch_back: arguments.switch_back,
        extensions: arguments.extensions,
        token: &token,
        seconds: arguments.timeout,
        pause: Pause {
            seconds: arguments.terminate_after.unwrap_or(PATIENCE),
            terminates: arguments.terminate_after.is_some(),
        },
    };
    let way = Way {
        dry_run: arguments.dry_run,
        diff: arguments.diff.diff(),
        confirm: &arguments.confirm,
        ..Way::default()
    };
    drive.run(in_parts(&drive, &way, arguments.write_inventory, &wish))
}

/// Returns what decides about the update, to be typed again.
fn options(arguments: &Arguments) -> String {
    let flags = [
        (arguments.restart_only, "--restart-only"),
        (arguments.switch_back, "--switch-back"),
        (arguments.extensions, "--extensions"),
        (arguments.write_inventory, "--write-inventory"),
    ];
    let mut typed: Vec<String> = Vec::new();
    typed.extend(
        arguments
            .to
            .iter()
            .map(|to| format!("--to {}", shell_word(to))),
    );
    typed.extend(arguments.via.map(|via| match via {
        ViaArgument::Switchover => "--via switchover".into(),
        ViaArgument::Restart => "--via restart".into(),
    }));
    typed.extend(
        arguments
            .terminate_after
            .map(|seconds| format!("--terminate-after {seconds}")),
    );
    let flags = flags.into_iter().filter(|(given, _)| *given);
    typed.extend(flags.map(|(_, flag)| flag.to_owned()));
    typed.iter().map(|word| format!(" {word}")).collect()
}

/// Shows the whole of an update, asks once, and does it part by part, each planned on what is seen then.
pub(super) async fn in_parts(
    drive: &Drive<'_>,
    way: &Way<'_>,
    write_inventory: bool,
    wish: &UpdateRequest<'_>,
) -> Result<u8, Failure> {
    let (cluster, templates) = (&drive.loaded.cluster, &drive.loaded.templates);
    let offers = async |seen: &Observation, fresh| {
        let mut seen = seen.clone();
        let hosts = &drive.connections.hosts;
        if !wish.settings {
            look_for_offers(cluster, hosts, &mut seen, wish.to, fresh).await;
        }
        seen
    };
    let dry_run = way.dry_run;
    let way = Way {
        only_asks: true,
        ..*way
    };
    let draft = async |seen: &Observation| {
        let seen = offers(seen, true).await;
        let parts = parts(cluster, templates, &seen, wish)
            .map_err(|error| no_plan(drive.global, &seen, error))?;
        let plan = match whole(&parts, cluster, &seen, wish) {
            Some(plan) => plan,
            None => {
                let mut nothing = nothing(drive, &seen)?;
                nothing.notes.extend(old_extensions(&seen, wish));
                nothing
            }
        };
        let word = plan.needs_word().map(|what| foreign::line(&what));
        Ok(Draft {
            word: word.map(|what| (plan.leader.clone(), what)),
            ..Draft::new(plan, ())
        })
    };
    let Course::Idle(shown, _) = drive.carry_out(&way, draft).await? else {
        return Ok(0);
    };
    if dry_run || shown.plan.steps.is_empty() {
        return Ok(0);
    }
    let begin = Instant::now();
    let mut changed = 0;
    let way = Way {
        silent: true,
        is_part: true,
        ..Way::default()
    };
    let part = async |seen: &Observation| {
        let seen = offers(seen, false).await;
        let part = next(cluster, templates, &seen, wish)
            .map_err(|error| no_plan(drive.global, &seen, error))?;
        match part {
            Some(part) => Ok(Draft::new(part.plan, part.hands_over)),
            None => {
                let notes = old_extensions(&seen, wish);
                let nothing = nothing(drive, &seen)?;
                Ok(Draft::new(Plan { notes, ..nothing }, None))
            }
        }
    };
    let mut done_parts = 0;
    let last = loop {
        done_parts += 1;
        if done_parts > MOST {
            return Err(left(drive));
        }
        let done = match drive.carry_out(&way, part).await? {
            Course::Idle(draft, _) => break draft.plan,
            Course::Done(done) => done,
        };
        let interrupted = done.interrupted;
        changed += match done.draft.more.clone() {
            Some(to) => {
                let request = SwitchoverRequest {
                    to: Some(&to),
                    token: wish.token,
                    seconds: wish.seconds,
                    pause: wish.pause,
                };
                finish(drive, done, &to, &request).await?.0
            }
            None => {
                let plan = &done.draft.plan;
                let changed = drive.conclude(plan, &done.outcomes, done.interrupted)?;
                // Settings leave the primary's own to do until the roles change.
                if !wish.settings {
                    let leader = plan.leader.clone();
                    drive.prove(&done, &[], &leader, |_| left(drive)).await?;
                }
                changed
            }
        };
        if interrupted {
            let message = "interrupted between two parts of the update; packages stay held";
            return Err(Failure::new(FailureKind::PartWay, message).help(drive.again.clone()));
        }
    };
    let seen = drive.look().await;
    drive.tell_done(begin, |seconds| {
        let steps = count(changed, "step");
        format!("{steps} in {seconds}; {}", versions(&seen))
    });
    // What has come with the packages, too.
    for Advice { message, help } in last.notes.iter().filter(|_| drive.speaks()) {
        sink::err(&format!("{message}\n  help: {help}\n"));
    }
    roles(drive, write_inventory, &last.leader)
}

/// Returns the failure of an update that comes to no end.
fn left(drive: &Drive<'_>) -> Failure {
    let message = "a part of the update is done, and yet something is left to do";
    Failure::new(FailureKind::PartWay, message).help(drive.again.clone())
}

/// Returns an empty plan.
fn nothing(drive: &Drive<'_>, seen: &Observation) -> Result<Plan, Failure> {
    let (cluster, templates) = (&drive.loaded.cluster, &drive.loaded.templates);
    let plan = crate::plan::converge::converge_in_place(cluster, templates, seen, None)
        .map_err(|error| no_plan(drive.global, seen, error))?;
    Ok(Plan {
        goal: Goal::Update,
        ..plan
    })
}

/// Tells which version each server runs.
fn versions(seen: &Observation) -> String {
    let each = seen.seen().filter_map(|(node, facts)| {
        let server = facts.server.as_ref()?;
        Some(format!("{node} runs {}", server.version))
    });
    each.collect::<Vec<String>>().join(", ")
}
