//! `pgrepl check`.

use std::path::PathBuf;
use std::time::Instant;

use super::drive::Drive;
use super::exit::PENDING;
use super::{Failure, FailureKind, Format, Global, context, plan, secrets, write};
use crate::action::Action;
use crate::plan::{Plan, Step, check::check};
use crate::report::proof::{self, Proof};
use crate::report::style::Style;
use crate::report::{junit, markdown, sink};

/// Proves replication: a row written on the primary is read on every standby, and nothing is left behind
///
/// Examples:
///   pgrepl check
///   pgrepl check inventory.yaml --timeout 5 --format json
///   pgrepl check --junit check.xml
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    inventory: Option<PathBuf>,
    /// How many seconds a standby has to show the row
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
    /// Writes what was proven as JUnit's XML, too, for CI systems that show it as tests
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let loaded = context::load(global, arguments.inventory.as_ref())?;
    let screen = context::screen(&Global {
        // The table at the end says it all; steps are shown to those who ask for more.
        quiet: global.quiet || (global.verbose == 0 && global.format != Format::Jsonl),
        ..global.clone()
    });
    let again = format!("pgrepl check {}", loaded.path.display());
    let drive = Drive {
        approved: true,
        screen,
        ..Drive::without_secrets(global, &loaded, "check", again)?
    };
    drive.run(go(&drive, arguments))
}

async fn go(drive: &Drive<'_>, arguments: &Arguments) -> Result<u8, Failure> {
    let token = secrets::token()?;
    let seen = drive.look().await;
    let cluster = &drive.loaded.cluster;
    let plan = check(
        cluster,
        &drive.loaded.templates,
        &seen,
        &token,
        arguments.timeout,
    )
    .map_err(|error| plan::no_plan(drive.global, &seen, error))?;
    let _locks = drive.lock(&seen).await?;
    let (outcomes, interrupted) = drive.execute(&plan, &seen).await?;
    let is_drop = |step: &Step| matches!(step.action, Action::DropProof(_));
    let mut clean = plan
        .steps
        .iter()
        .zip(&outcomes)
        .any(|(step, outcome)| is_drop(step) && outcome.is_good());
    if !clean {
        let rest = Plan {
            steps: plan
                .steps
                .iter()
                .filter(|step| is_drop(step))
                .cloned()
                .collect(),
            ..plan.clone()
        };
        let ended = drive.ended.take();
        let (again, _) = drive.execute(&rest, &seen).await?;
        drive.ended.replace(ended);
        clean = again.iter().all(|outcome| outcome.is_good());
    }
    let mut proof = {
        let ended = drive.ended.borrow();
        let at = |wanted: usize| -> Option<Instant> {
            ended
                .iter()
                .find(|(step, _)| *step == wanted)
                .map(|(_, at)| *at)
        };
        let wrote = plan
            .steps
            .iter()
            .position(|step| matches!(step.action, Action::WriteProof(_)))
            .and_then(at);
        let later = |step: usize| -> Option<u64> {
            let late = at(step)?.saturating_duration_since(wrote?);
            u64::try_from(late.as_millis()).ok()
        };
        Proof::conclude(&plan, &seen, &outcomes, &later, clean)
    };
    if cluster.backup.is_some()
        && let Ok((_, there)) = super::backup::read(cluster, &drive.connections, &seen).await
    {
        proof.problems = crate::report::archive::problems(&there);
    }
    match drive.global.format {
        Format::Json | Format::Jsonl => drive.global.result(&proof),
        Format::Human => sink::out(&proof::show(&proof, drive.global.out())),
        Format::Markdown => {
            let plain = Style::plain();
            sink::out(&markdown::block(&proof::show(&proof, plain)));
        }
    }
    if let Some(out) = &arguments.junit {
        let text = junit::show(&cluster.name.to_string(), &proof);
        write::open(out, &text).map_err(|error| {
            let cannot = format!("cannot write {}", out.display());
            Failure::of(FailureKind::Failed)(anyhow::Error::new(error).context(cannot))
        })?;
    }
    if interrupted {
        return Ok(FailureKind::Interrupted.code());
    }
    Ok(if proof.holds() { 0 } else { PENDING })
}
