//! `pgrepl failover`.

use std::path::PathBuf;
use std::time::Instant;

use super::drive::Drive;
use super::plan::{DiffArgument, make, no_plan, show};
use super::still::still;
use super::write::roles;
use super::{Failure, Format, Global, Kind, context, secrets};
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::plan::failover::{Failover, Wish, failover};
use crate::report::sink;

/// Makes a standby the primary because the primary is gone; what may be lost is shown first
///
/// Examples:
///   pgrepl failover
///   pgrepl failover --to server2 --confirm server1 --auto-approve
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    inventory: Option<PathBuf>,
    /// The standby that is to lead; without it the one that has the most
    #[arg(long, value_name = "HOST")]
    to: Option<String>,
    /// Does not ask the ordinary question
    #[arg(long)]
    auto_approve: bool,
    /// Answers that the commits of this primary may be lost
    #[arg(long, value_name = "HOST")]
    confirm: Vec<String>,
    /// Goes on although the primary can be reached; it is stopped first
    #[arg(long)]
    force: bool,
    /// Exchanges the two names in the inventory afterwards
    #[arg(long)]
    write_inventory: bool,
    /// Shows the plan and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// How much of a file's change is shown: full, changed, none
    #[arg(long, default_value = "none")]
    diff: DiffArgument,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let loaded = context::load(global, arguments.inventory.as_ref())?;
    context::limit(&loaded.cluster, arguments.to.as_slice())?;
    let to = arguments.to.iter().map(|to| format!(" --to {to}"));
    let again = format!(
        "pgrepl failover {}{}",
        loaded.path.display(),
        to.collect::<String>()
    );
    let drive = Drive {
        approved: arguments.auto_approve,
        ..Drive::open(global, &loaded, "failover", again)?
    };
    drive.run(go(&drive, arguments))
}

async fn go(drive: &Drive<'_>, arguments: &Arguments) -> Result<u8, Failure> {
    let begin = Instant::now();
    let wanted = arguments.to.as_deref().map(NodeName::from);
    let token = secrets::token()?;
    let plan = |seen: &Observation| {
        let wish = Wish {
            to: wanted.as_ref(),
            force: arguments.force,
            token: &token,
        };
        failover(&drive.loaded.cluster, &drive.loaded.templates, seen, &wish)
            .map_err(|error| no_plan(drive.global, seen, error))
    };
    let mut seen = drive.look().await;
    let Failover {
        plan: doing,
        from,
        loss,
    } = plan(&seen)?;
    let to = doing.leader.clone();
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
        if drive.global.format == Format::Human {
            let word = if from == to { "Done before:" } else { "Loss:" };
            sink::out(&format!("{} {loss}.\n", drive.global.out().bold(word)));
        }
    }
    if arguments.dry_run {
        return Ok(0);
    }
    if from == to && doing.steps.is_empty() {
        return roles(drive, arguments.write_inventory, &to);
    }
    if from != to {
        drive.confirm(
            &from,
            &format!("commits of {from} may be lost"),
            &arguments.confirm,
        )?;
    }
    drive.ask(&doing)?;
    let _locks = drive.lock(&seen).await?;
    if !drive.approved {
        seen = drive.look().await;
        still(&doing, &plan(&seen)?.plan)?;
    }
    let (outcomes, interrupted) = drive.execute(&doing, &seen).await?;
    let changed = drive.conclude(&doing, &outcomes, interrupted)?;
    let seen = drive.verify(&doing, &outcomes, &seen).await;
    let left = make(drive.global, drive.loaded, &seen, &[])?;
    if !left.steps.is_empty() || left.leader != to {
        return Err(Failure::new(
            Kind::PartWay,
            format!("{to} leads, and yet something is left to do"),
        )
        .help(drive.again.clone()));
    }
    if drive.speaks() {
        let back = if from == to {
            String::new()
        } else {
            format!(". When {from} is back: pgrepl rebuild {from}")
        };
        sink::err(&format!(
            "{} {to} leads; {changed} steps in {:.1} s{back}\n",
            drive.global.err().green("Done:"),
            begin.elapsed().as_secs_f64()
        ));
    }
    roles(drive, arguments.write_inventory, &to)
}
