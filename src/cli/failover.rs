//! `pgrepl failover`.

use std::path::PathBuf;

use super::drive::Drive;
use super::pipe::{Course, Draft, Way};
use super::plan::{DiffArgument, no_plan};
use super::write::roles;
use super::{Failure, FailureKind, Global, context, secrets};
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::plan::failover::{Failover, FailoverRequest, failover};
use crate::report::plan::remark;
use crate::report::style::count;

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
    /// Skips the approval prompt
    #[arg(long)]
    auto_approve: bool,
    /// Confirms that the commits of this primary may be lost
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
    pub dry_run: bool,
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
        leads: true,
        ..Drive::open(global, &loaded, "failover", again)?
    };
    drive.run(go(&drive, arguments))
}

async fn go(drive: &Drive<'_>, arguments: &Arguments) -> Result<u8, Failure> {
    let wanted = arguments.to.as_deref().map(NodeName::from);
    let token = secrets::token()?;
    let way = Way {
        dry_run: arguments.dry_run,
        diff: arguments.diff.diff(),
        confirm: &arguments.confirm,
        ..Way::default()
    };
    let plan = async |seen: &Observation| {
        let wish = FailoverRequest {
            to: wanted.as_ref(),
            force: arguments.force,
            token: &token,
        };
        let Failover { plan, from, loss } =
            failover(&drive.loaded.cluster, &drive.loaded.templates, seen, &wish)
                .map_err(|error| no_plan(drive.global, seen, error))?;
        let before = from == plan.leader;
        let word = if before { "Done before:" } else { "Loss:" };
        Ok(Draft {
            remark: remark(word, &format!("{loss}."), drive.global.out()),
            word: (!before).then(|| (from.clone(), format!("commits of {from} may be lost"))),
            ..Draft::new(plan, from)
        })
    };
    let done = match drive.carry_out(&way, plan).await? {
        Course::Idle(..) if arguments.dry_run => return Ok(0),
        Course::Idle(draft, _) => {
            return roles(drive, arguments.write_inventory, &draft.plan.leader);
        }
        Course::Done(done) => done,
    };
    let (plan, from) = (&done.draft.plan, &done.draft.more);
    let to = &plan.leader;
    drive.changing(plan, from);
    let changed = drive.conclude(plan, &done.outcomes, done.interrupted)?;
    drive
        .prove(&done, &[], to, |_| {
            let message = format!("{to} leads, and yet something is left to do");
            Failure::new(FailureKind::PartWay, message).help(drive.again.clone())
        })
        .await?;
    drive.tell_done(done.begin, |seconds| {
        let steps = count(changed, "step");
        let back = if from == to {
            String::new()
        } else {
            format!(". When {from} is back: pgrepl rebuild {from}")
        };
        format!("{to} leads; {steps} in {seconds}{back}")
    });
    roles(drive, arguments.write_inventory, to)
}
