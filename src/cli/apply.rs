//! `pgrepl apply`.

use std::path::PathBuf;

use super::context::{self, Loaded};
use super::drive::Drive;
use super::pipe::{Course, Draft, Way};
use super::plan::{DiffArgument, Saved, make};
use super::switchover::PATIENCE;
use super::update::{ViaArgument, in_parts};
use super::{Failure, FailureKind, Global, secrets};
use crate::action::Pause;
use crate::facts::Observation;
use crate::plan::Plan;
use crate::plan::update::request::UpdateRequest;
use crate::report::plan::read_again;
use crate::report::style::count;

/// Makes every server match the inventory, or does what a saved plan says
///
/// Examples:
///   pgrepl apply inventory.yaml
///   pgrepl apply inventory.yaml --auto-approve --limit server3
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory, or a plan saved with `pgrepl plan --out`
    inventory: Option<PathBuf>,
    /// Does not ask
    #[arg(long)]
    auto_approve: bool,
    /// Touches these hosts only
    #[arg(long, value_name = "HOST,…", value_delimiter = ',')]
    limit: Vec<String>,
    /// Maximum number of hosts worked on at once
    #[arg(long, value_name = "N", default_value_t = 10)]
    parallel: usize,
    /// Confirms what is asked for by a word: a host that is cut off, a parameter that risks data
    #[arg(long, value_name = "WORD")]
    confirm: Vec<String>,
    /// How a primary gets settings that need a restart: by a restart, or by a switchover to a standby that has them
    #[arg(long, value_name = "WAY", default_value = "restart")]
    via: ViaArgument,
    /// Shows the plan and does nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How much of a file's change is shown: full, changed, none
    #[arg(long, default_value = "changed")]
    diff: DiffArgument,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let saved = arguments.inventory.as_ref().map_or(Ok(None), saved)?;
    let loaded = match &saved {
        Some(saved) => context::load(global, Some(&saved.inventory))?,
        None => context::load(global, arguments.inventory.as_ref())?,
    };
    if let Some(saved) = &saved {
        from_the_same(saved, &loaded)?;
    }
    let limit = saved
        .as_ref()
        .map_or_else(|| arguments.limit.clone(), |saved| saved.limit.clone());
    if let (ViaArgument::Switchover, None) = (arguments.via, &saved) {
        if !limit.is_empty() {
            return Err(Failure::new(
                FailureKind::Usage,
                "--via switchover concerns every host, and --limit only some",
            )
            .help("leave one of them out"));
        }
        return by_switchover(global, &loaded, arguments);
    }
    if arguments.dry_run {
        let shown = super::plan::Arguments {
            inventory: None,
            out: None,
            detailed_exitcode: false,
            limit,
            diff: arguments.diff,
            author: context::Author::default(),
        };
        return super::plan::of(global, &loaded, &shown);
    }
    context::limit(&loaded.cluster, &limit)?;
    let again = format!("pgrepl apply {}", loaded.path.display());
    let drive = Drive {
        parallel: arguments.parallel,
        approved: arguments.auto_approve,
        ..Drive::open(global, &loaded, "apply", again)?
    };
    drive.run(go(&drive, arguments, &limit, saved.as_ref()))
}

/// Does it part by part, with a change of roles in the place of a restart of the primary.
fn by_switchover(global: &Global, loaded: &Loaded, arguments: &Arguments) -> Result<u8, Failure> {
    let token = secrets::token()?;
    let again = format!("pgrepl apply {} --via switchover", loaded.path.display());
    let drive = Drive {
        parallel: arguments.parallel,
        approved: arguments.auto_approve,
        leads: true,
        ..Drive::open(global, loaded, "apply", again)?
    };
    let wish = UpdateRequest {
        settings: true,
        to: None,
        restart_only: true,
        via: None,
        switch_back: false,
        extensions: false,
        token: &token,
        seconds: 90,
        pause: Pause {
            seconds: PATIENCE,
            terminates: false,
        },
    };
    let way = Way {
        dry_run: arguments.dry_run,
        diff: arguments.diff.diff(),
        confirm: &arguments.confirm,
        ..Way::default()
    };
    drive.run(in_parts(&drive, &way, false, &wish))
}

/// Reads a saved plan; an inventory is none.
fn saved(path: &PathBuf) -> Result<Option<Saved>, Failure> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(None);
    };
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    let stale = |why: String| stale(&format!("the saved plan {}", path.display()), &why);
    let saved: Saved = serde_json::from_str(&text)
        .map_err(|error| stale(format!("it is invalid at line {}", error.line())))?;
    if saved.version != env!("CARGO_PKG_VERSION") {
        return Err(stale(format!(
            "expected one of version {}, found {}",
            env!("CARGO_PKG_VERSION"),
            saved.version
        )));
    }
    // Before anything that these say is done: a password command is one of them.
    for (file, digest) in &saved.made_from {
        let found = context::digest(file).map_err(|error| stale(error.to_string()))?;
        if found != *digest {
            return Err(stale(format!("{} is not as it was", file.display())));
        }
    }
    if !saved.made_from.contains_key(&saved.inventory) {
        return Err(stale(format!(
            "it was not made from {}",
            saved.inventory.display()
        )));
    }
    Ok(Some(saved))
}

/// Refuses templates that came or went after the plan was made.
fn from_the_same(saved: &Saved, loaded: &Loaded) -> Result<(), Failure> {
    let now = context::digests(&saved.inventory, &loaded.own_templates);
    match now {
        Ok(now) if now == saved.made_from => Ok(()),
        _ => Err(stale(
            "the saved plan",
            "the inventory's templates are not those that it was made from",
        )),
    }
}

fn stale(which: &str, why: &str) -> Failure {
    Failure::new(FailureKind::Stale, format!("cannot use {which}: {why}"))
        .help("make a new one: pgrepl plan --out FILE")
}

async fn go(
    drive: &Drive<'_>,
    arguments: &Arguments,
    limit: &[String],
    saved: Option<&Saved>,
) -> Result<u8, Failure> {
    let way = Way {
        diff: arguments.diff.diff(),
        confirm: &arguments.confirm,
        look_again: saved.is_some(),
        ..Way::default()
    };
    let plan = async |seen: &Observation| {
        let plan = make(drive.global, drive.loaded, seen, limit)?;
        let refused = saved.filter(|saved| !saved.is(&plan)).map(|_| {
            Failure::new(
                FailureKind::Stale,
                "the saved plan is out of date: a host or the inventory is not as it was",
            )
            .help("make a new one: pgrepl plan --out FILE")
        });
        Ok(Draft {
            refused,
            ..Draft::new(plan, ())
        })
    };
    let done = match drive.carry_out(&way, plan).await? {
        Course::Idle(draft, seen) => return Ok(left_alone(&seen, &draft.plan)),
        Course::Done(done) => done,
    };
    let plan = &done.draft.plan;
    let changed = drive.conclude(plan, &done.outcomes, done.interrupted)?;
    // The plan was done if a second one is empty; else what is left is told.
    let something_left = |left: &Plan| {
        let steps = left.steps.iter();
        let steps: String = steps
            .map(|step| format!("\n  {}  {}", step.node, step.action.act().title()))
            .collect();
        let message = format!("all steps succeeded, but the servers still differ{steps}");
        Failure::new(FailureKind::PartWay, message).help(drive.again.clone())
    };
    let (seen, left) = drive
        .prove(&done, limit, &plan.leader, something_left)
        .await?;
    drive.tell_done(done.begin, |seconds| {
        let steps = count(changed, "step");
        format!("{steps} in {seconds}; read again: {}", read_again(&left))
    });
    Ok(left_alone(&seen, &left))
}

/// Returns the exit code of a run that did all it could: were there hosts that could not be reached, or that are left alone?
fn left_alone(seen: &Observation, plan: &Plan) -> u8 {
    match (
        seen.unseen().next().is_some(),
        plan.blocked().next().is_some(),
    ) {
        (true, _) => FailureKind::Unreachable.code(),
        (false, true) => FailureKind::Refused.code(),
        (false, false) => 0,
    }
}
