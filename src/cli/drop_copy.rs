//! `pgrepl restore --drop`.

use super::context::Loaded;
use super::drive::Drive;
use super::pipe::{Course, Draft, Way};
use super::plan::no_plan;
use super::{Failure, FailureKind, Global};
use crate::action::removal;
use crate::facts::Observation;
use crate::facts::beside::Beside;
use crate::inventory::NodeName;
use crate::observe::beside::look_beside;
use crate::plan::restore::beside;

/// What is removed.
pub struct Drop<'a> {
    /// The directory of the copy.
    pub directory: &'a str,
    /// Its host.
    pub to: &'a NodeName,
    /// Whether the ordinary question is answered already.
    pub approved: bool,
}

/// Removes a copy that was restored beside the cluster.
pub fn drop_copy(
    global: &Global,
    loaded: &Loaded,
    drop: &Drop<'_>,
    way: &Way<'_>,
) -> Result<u8, Failure> {
    let again = removal(drop.directory, drop.to);
    let drive = Drive {
        approved: drop.approved,
        ..Drive::without_secrets(global, loaded, "restore", again)?
    };
    drive.run(go(&drive, drop, way))
}

async fn go(drive: &Drive<'_>, drop: &Drop<'_>, way: &Way<'_>) -> Result<u8, Failure> {
    let Loaded {
        cluster, templates, ..
    } = drive.loaded;
    let (directory, to) = (bare(drop.directory), drop.to);
    let plan = async |seen: &Observation| {
        let there = look(drive, seen, to, directory, None).await?;
        let plan = beside::drop_copy(cluster, templates, seen, to, directory, &there)
            .map_err(|error| no_plan(drive.global, seen, error))?;
        let what =
            format!("the copy in {directory} on {to} is removed, with all that was written there");
        Ok(Draft {
            word: Some((to.clone(), what)),
            ..Draft::new(plan, ())
        })
    };
    if let Course::Done(done) = drive.carry_out(way, plan).await? {
        drive.conclude(&done.draft.plan, &done.outcomes, done.interrupted)?;
        drive.tell_done(done.begin, |seconds| {
            format!("the copy in {directory} on {to} is removed, in {seconds}")
        });
    }
    Ok(0)
}

/// Asks a host what is in a directory beside the cluster, and who has a port.
pub async fn look(
    drive: &Drive<'_>,
    seen: &Observation,
    to: &NodeName,
    directory: &str,
    port: Option<u16>,
) -> Result<Beside, Failure> {
    let (cluster, hosts) = (&drive.loaded.cluster, &drive.connections.hosts);
    let there = look_beside(cluster, hosts, seen, to, bare(directory), port).await;
    there.ok_or_else(|| {
        let message = format!("{to} did not tell what is in {directory}");
        Failure::new(FailureKind::Failed, message).help("pgrepl status")
    })
}

fn bare(directory: &str) -> &str {
    directory.trim_end_matches('/')
}
