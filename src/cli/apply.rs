//! `pgrepl apply`.

use std::path::PathBuf;
use std::time::Instant;

use super::context;
use super::drive::Drive;
use super::plan::{DiffArgument, Saved, make, show};
use super::still::stale;
use super::{Failure, Global, Kind};
use crate::facts::Observation;
use crate::plan::Plan;
use crate::report::plan::{Diff, read_again};
use crate::report::sink;

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
    /// Works on so many hosts at the same time
    #[arg(long, value_name = "N", default_value_t = 10)]
    parallel: usize,
    /// Shows the plan and does nothing
    #[arg(long)]
    dry_run: bool,
    /// How much of a file's change is shown: full, changed, none
    #[arg(long, default_value = "changed")]
    diff: DiffArgument,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let saved = arguments.inventory.as_ref().map_or(Ok(None), saved)?;
    if arguments.dry_run {
        let inventory = saved.map_or_else(
            || arguments.inventory.clone(),
            |saved| Some(saved.inventory),
        );
        return super::plan::run(
            global,
            &super::plan::Arguments {
                inventory,
                out: None,
                detailed_exitcode: false,
                limit: arguments.limit.clone(),
                diff: arguments.diff,
            },
        );
    }
    let loaded = match &saved {
        Some(saved) => context::load(global, Some(&saved.inventory))?,
        None => context::load(global, arguments.inventory.as_ref())?,
    };
    let limit = saved
        .as_ref()
        .map_or_else(|| arguments.limit.clone(), |saved| saved.limit.clone());
    context::limit(&loaded.cluster, &limit)?;
    let again = format!("pgrepl apply {}", loaded.path.display());
    let drive = Drive {
        parallel: arguments.parallel,
        approved: arguments.auto_approve,
        ..Drive::open(global, &loaded, "apply", again)?
    };
    drive.run(go(&drive, &limit, saved.as_ref(), arguments.diff.diff()))
}

/// Reads a saved plan; an inventory is none.
fn saved(path: &PathBuf) -> Result<Option<Saved>, Failure> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(None);
    };
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    let stale = |why: String| {
        Failure::new(
            Kind::Stale,
            format!("cannot use the saved plan {}: {why}", path.display()),
        )
        .help("make a new one: pgrepl plan --out FILE")
    };
    let saved: Saved = serde_json::from_str(&text)
        .map_err(|error| stale(format!("it does not read, at line {}", error.line())))?;
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

async fn go(
    drive: &Drive<'_>,
    limit: &[String],
    saved: Option<&Saved>,
    diff: Diff,
) -> Result<u8, Failure> {
    let begin = Instant::now();
    let make = |seen: &Observation| make(drive.global, drive.loaded, seen, limit);
    let mut seen = drive.look().await;
    let plan = make(&seen)?;
    if drive.speaks() {
        let seconds = begin.elapsed().as_secs_f64();
        show(drive.global, drive.loaded, &plan, &seen, seconds, diff);
    }
    if saved.is_some_and(|saved| !saved.is(&plan)) {
        return Err(Failure::new(
            Kind::Stale,
            "the saved plan is out of date: a host or the inventory is not as it was",
        )
        .help("make a new one: pgrepl plan --out FILE"));
    }
    if plan.steps.is_empty() {
        return Ok(left_alone(&seen, &plan));
    }
    drive.ask(&plan)?;
    let _locks = drive.lock(&seen).await?;
    // What was shown may have waited for an answer for hours.
    if !drive.approved || saved.is_some() {
        seen = drive.look().await;
        if make(&seen)? != plan {
            return Err(stale());
        }
    }
    let (outcomes, interrupted) = drive.execute(&plan, &seen).await?;
    let changed = drive.conclude(&plan, &outcomes, interrupted)?;
    // The plan was done if a second one is empty; else what is left is told.
    let seen = drive.verify(&plan, &outcomes, &seen).await;
    let left = make(&seen)?;
    if !left.steps.is_empty() {
        let steps: Vec<String> = left
            .steps
            .iter()
            .map(|step| format!("{}  {}", step.node, step.action.act().title()))
            .collect();
        return Err(Failure::new(
            Kind::PartWay,
            format!(
                "every step was done, and yet something is left\n  {}",
                steps.join("\n  ")
            ),
        )
        .help(drive.again.clone()));
    }
    if drive.speaks() {
        sink::err(&format!(
            "{} {changed} steps in {:.1} s; read again: {}\n",
            drive.global.err().green("Done:"),
            begin.elapsed().as_secs_f64(),
            read_again(&left)
        ));
    }
    Ok(left_alone(&seen, &left))
}

/// Returns the exit code of a run that did all it could: were there hosts that could not be reached, or that are left alone?
fn left_alone(seen: &Observation, plan: &Plan) -> u8 {
    match (
        seen.unseen().next().is_some(),
        plan.blocked().next().is_some(),
    ) {
        (true, _) => Kind::Unreachable.code(),
        (false, true) => Kind::Refused.code(),
        (false, false) => 0,
    }
}
