//! The commands.

use clap::Subcommand;

use super::{
    apply, backup, check, doctor, failover, init, man, plan, rebuild, render, restore, schema,
    status, switchover, update, validate, version,
};

/// What pgrepl can be asked for.
#[derive(Subcommand)]
pub enum Command {
    Init(init::Arguments),
    Doctor(doctor::Arguments),
    Validate(validate::Arguments),
    Render(render::Arguments),
    Plan(plan::Arguments),
    Apply(apply::Arguments),
    Status(status::Arguments),
    Check(check::Arguments),
    Switchover(switchover::Arguments),
    Update(update::Arguments),
    Failover(failover::Arguments),
    Rebuild(rebuild::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Schema(schema::Arguments),
    /// Prints the shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    Man(man::Arguments),
    Version(version::Arguments),
}
