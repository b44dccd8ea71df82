//! `pgrepl backup`.

use std::path::PathBuf;

use super::context::Connections;
use super::drive::Drive;
use super::pipe::{Course, Draft, Way};
use super::plan::no_plan;
use super::{Failure, FailureKind, Format, Global, context};
use crate::action::Action;
use crate::backup::Depth;
use crate::facts::Observation;
use crate::facts::backups::{Backup, Backups};
use crate::facts::history::live;
use crate::facts::rights::why_nobody;
use crate::inventory::{Cluster, NodeName};
use crate::observe;
use crate::plan::backup::{prune, take, verify};
use crate::plan::builder::place_of;
use crate::report::backups::table;
use crate::report::event::Outcome;
use crate::report::style::Style;
use crate::report::{markdown, sink};

/// Takes, lists, verifies and removes backups on the mount
///
/// Examples:
///   pgrepl backup run
///   pgrepl backup list --format json
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

impl Arguments {
    /// Says whether it shows something as Markdown.
    pub fn has_markdown(&self) -> bool {
        matches!(
            self.what,
            What::List { .. } | What::Prune { dry_run: true, .. }
        )
    }
}

#[derive(clap::Subcommand)]
enum What {
    /// Takes a backup
    Run {
        /// The inventory
        inventory: Option<PathBuf>,
        /// Where it is taken; else where the inventory says
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
        /// How much of the data it holds
        #[arg(long, value_name = "TYPE", default_value = "full")]
        r#type: DepthArgument,
    },
    /// Lists the backups, and how far each one leads with the archived WAL
    List {
        /// The inventory
        inventory: Option<PathBuf>,
    },
    /// Verifies backups against their checksums, or by a real restore that is removed again
    Verify {
        /// The backup; else all of them
        #[arg(value_name = "ID")]
        id: Option<String>,
        /// Restores it beside the data directory, starts it on a private socket, and reads it with pg_amcheck
        #[arg(long)]
        drill: bool,
        /// Where; else on the first host that has the mount
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
    },
    /// Removes the backups beyond what is kept, and the WAL that nobody needs any more
    Prune {
        /// The inventory
        inventory: Option<PathBuf>,
        /// Shows what would go and removes nothing
        #[arg(long)]
        dry_run: bool,
        /// Does not ask
        #[arg(long)]
        auto_approve: bool,
    },
}

/// How much of the data a backup holds.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DepthArgument {
    /// All of it
    Full,
    /// What changed since the last full one
    #[value(alias = "diff")]
    Differential,
    /// What changed since the last one
    #[value(alias = "incr")]
    Incremental,
}

impl From<DepthArgument> for Depth {
    fn from(argument: DepthArgument) -> Self {
        match argument {
            DepthArgument::Full => Depth::Full,
            DepthArgument::Differential => Depth::Differential,
            DepthArgument::Incremental => Depth::Incremental,
        }
    }
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let (inventory, host, approved) = match &arguments.what {
        What::Run {
            inventory, host, ..
        } => (inventory, host.as_ref(), true),
        What::List { inventory } => (inventory, None, true),
        What::Verify { host, .. } => (&None, host.as_ref(), true),
        What::Prune {
            inventory,
            auto_approve,
            ..
        } => (inventory, None, *auto_approve),
    };
    let verb = match &arguments.what {
        What::Run { .. } => "run",
        What::List { .. } => "list",
        What::Verify { .. } => "verify",
        What::Prune { .. } => "prune",
    };
    let loaded = context::load(global, inventory.as_ref())?;
    if let Some(host) = host {
        context::limit(&loaded.cluster, std::slice::from_ref(host))?;
    }
    let again = format!("pgrepl -i {} backup {verb}", loaded.path.display());
    let drive = Drive {
        approved,
        ..Drive::open(global, &loaded, "backup", again)?
    };
    drive.run(async {
        match &arguments.what {
            What::Run { r#type, .. } => {
                let host = host.map(|host| NodeName::from(host.as_str()));
                run_one(&drive, host, (*r#type).into()).await
            }
            What::List { .. } => list(&drive).await,
            What::Verify { id, drill, .. } => {
                prove(
                    &drive,
                    id.as_ref(),
                    host.map(|host| NodeName::from(host.as_str())),
                    *drill,
                )
                .await
            }
            What::Prune { dry_run, .. } => remove(&drive, *dry_run).await,
        }
    })
}

async fn run_one(drive: &Drive<'_>, host: Option<NodeName>, depth: Depth) -> Result<u8, Failure> {
    let id = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let cluster = &drive.loaded.cluster;
    let way = Way {
        silent: true,
        ..Way::default()
    };
    let plan = async |seen: &Observation| {
        let templates = &drive.loaded.templates;
        take(cluster, templates, seen, host.as_ref(), &id, depth)
            .map(|plan| Draft::new(plan, ()))
            .map_err(|error| no_plan(drive.global, seen, error))
    };
    let done = match drive.carry_out(&way, plan).await? {
        Course::Idle(..) => return Ok(0),
        Course::Done(done) => done,
    };
    let steps = &done.draft.plan.steps;
    drive.conclude(&done.draft.plan, &done.outcomes, done.interrupted)?;
    // A backup that an earlier run began has the name of that run.
    let told = steps
        .iter()
        .zip(&done.outcomes)
        .find_map(|(step, outcome)| match (&step.action, outcome) {
            (Action::TakeBackup(_), Outcome::Changed { detail }) => Some(detail),
            _ => None,
        });
    let id = told.unwrap_or(&id);
    let (_, there) = read(cluster, &drive.connections, &done.seen).await?;
    let Some(taken) = there.backups.iter().find(|backup| backup.id == *id) else {
        return Err(Failure::new(
            FailureKind::PartWay,
            format!("backup {id} was taken, and is not in the list"),
        )
        .help("pgrepl backup list"));
    };
    drive.tell_done(done.begin, |seconds| {
        let bytes = crate::report::style::bytes(taken.bytes);
        format!("backup {id}, {bytes} in {seconds}.")
    });
    Ok(0)
}

async fn list(drive: &Drive<'_>) -> Result<u8, Failure> {
    let seen = drive.look().await;
    let (_, there) = read(&drive.loaded.cluster, &drive.connections, &seen).await?;
    match drive.global.format {
        Format::Json | Format::Jsonl => drive.global.result(&there),
        Format::Human => sink::out(&table(&there, &moment, drive.global.out())),
        Format::Markdown => {
            let plain = Style::plain();
            sink::out(&markdown::block(&table(&there, &moment, plain)));
        }
    }
    Ok(0)
}

async fn prove(
    drive: &Drive<'_>,
    id: Option<&String>,
    host: Option<NodeName>,
    drill: bool,
) -> Result<u8, Failure> {
    let seen = drive.look().await;
    let cluster = &drive.loaded.cluster;
    let (first, there) = read(cluster, &drive.connections, &seen).await?;
    let verified: Vec<&Backup> = there
        .backups
        .iter()
        .filter(|known| id.is_none_or(|id| *id == known.id))
        .collect();
    if verified.is_empty() {
        return Err(
            Failure::new(FailureKind::Refused, "there is no such backup")
                .help("pgrepl backup list"),
        );
    }
    let plan = verify(
        cluster,
        &drive.loaded.templates,
        &seen,
        &verified,
        &host.unwrap_or(first),
        drill,
    )
    .map_err(|error| no_plan(drive.global, &seen, error))?;
    let (outcomes, interrupted) = drive.execute(&plan, &seen).await?;
    drive.conclude(&plan, &outcomes, interrupted)?;
    Ok(0)
}

async fn remove(drive: &Drive<'_>, dry_run: bool) -> Result<u8, Failure> {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let cluster = &drive.loaded.cluster;
    let way = Way {
        dry_run,
        ..Way::default()
    };
    let plan = async |seen: &Observation| {
        let (node, there) = read(cluster, &drive.connections, seen).await?;
        prune(cluster, &drive.loaded.templates, seen, &there, &node, now)
            .map(|plan| Draft::new(plan, ()))
            .map_err(|error| no_plan(drive.global, seen, error))
    };
    if let Course::Done(done) = drive.carry_out(&way, plan).await? {
        drive.conclude(&done.draft.plan, &done.outcomes, done.interrupted)?;
    }
    Ok(0)
}

/// Reads what is on the mount, from the first host that has it.
pub async fn read(
    cluster: &Cluster,
    connections: &Connections,
    seen: &Observation,
) -> Result<(NodeName, Backups), Failure> {
    let has = |node: &&NodeName| {
        seen.facts(node)
            .and_then(|facts| facts.mount.as_ref())
            .is_some_and(|mount| {
                mount.absence("").is_none() && mount.gone.is_empty() && mount.archive_of.is_some()
            })
    };
    let Some(node) = cluster.nodes.keys().find(has) else {
        let mount = cluster
            .backup
            .as_ref()
            .map_or("a backup mount", |backup| backup.mount.as_str());
        let why = why_nobody(seen).into_iter();
        let why = why.fold(String::new(), |all, why| all + ": " + &why);
        return Err(Failure::new(
            FailureKind::Refused,
            format!("no host has the archive of this cluster on {mount}{why}"),
        )
        .help("pgrepl status"));
    };
    let place = seen
        .facts(node)
        .and_then(|facts| place_of(cluster, facts, node));
    let (Some(place), Some(host)) = (place, connections.hosts.get(node)) else {
        return Err(Failure::new(
            FailureKind::Failed,
            format!("cannot read the backups from {node}"),
        ));
    };
    let mut there = observe::backups(cluster, node, &place, host.as_ref())
        .await
        .map_err(|error| Failure::new(FailureKind::Failed, error))?;
    there.live = live(seen, &there);
    Ok((node.clone(), there))
}

/// Writes a moment in seconds since 1970 as the local clock shows it.
pub fn moment(seconds: u64) -> String {
    let at = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    at.map_or_else(String::new, |at| {
        at.to_zoned_datetime(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S%:z")
            .to_string()
    })
}
