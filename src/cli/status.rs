//! `pgrepl status`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::backup::{moment, read};
use super::exit::PENDING;
use super::{Failure, Format, Global, context};
use crate::facts::Observation;
use crate::facts::able::Able;
use crate::inventory::NodeName;
use crate::observe::able::look_closer;
use crate::observe::observe;
use crate::plan::Plan;
use crate::plan::backup::archiving::has_ended;
use crate::plan::converge::converge;
use crate::plan::lead::lacks;
use crate::report::status_document::Status;
use crate::report::style::{Style, count};
use crate::report::trouble::{Trouble, Urgency};
use crate::report::{lead, markdown, sink, status, status_archive, status_table};

/// Shows roles, lag, slots, archiving, disks, and what is wrong
///
/// Examples:
///   pgrepl status
///   pgrepl status inventory.yaml --exit-code --format json
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    inventory: Option<PathBuf>,
    /// Shows it again every two seconds, until it is interrupted
    #[arg(long)]
    pub watch: bool,
    /// Ends with 2 when there are problems: a server that is down or was not seen, replication, archiving or backups that
    /// do not work, a disk that fills, anything else in the list of problems; with 0 when there are none
    #[arg(long)]
    exit_code: bool,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let loaded = context::load(global, arguments.inventory.as_ref())?;
    let connections = context::connect(&loaded.cluster)?;
    let screen = context::screen(global);
    context::block_on(async {
        let mut known: BTreeMap<NodeName, Able> = BTreeMap::new();
        loop {
            let begin = Instant::now();
            let tell = |event| {
                if global.format == Format::Human {
                    screen.tell(&event);
                }
            };
            let (cluster, hosts) = (&loaded.cluster, &connections.hosts);
            let mut seen = observe(cluster, hosts, None, &tell).await;
            // What is watched is not looked at closer again and again: that is a session in each database.
            for (node, able) in &known {
                let facts = seen.facts_mut(node).filter(|facts| facts.server.is_some());
                if let Some(facts) = facts {
                    facts.able = Some(able.clone());
                }
            }
            look_closer(cluster, hosts, &mut seen).await;
            known.extend(seen.seen().filter_map(|(node, facts)| {
                let able = facts.able.clone().filter(|able| able.unseen.is_some())?;
                Some((node.clone(), able))
            }));
            let mut concluded = status::conclude(&loaded.cluster, &seen);
            unable(&loaded, &seen, &mut concluded);
            if cluster.backup.is_some() {
                match read(cluster, &connections, &seen).await {
                    Ok((node, there)) => {
                        status_archive::add(&mut concluded, cluster, &node, &there, &moment);
                    }
                    Err(why) => status_archive::unread(&mut concluded, &why.message()),
                }
            }
            if arguments.watch && global.format == Format::Human {
                sink::exactly("\x1b[H\x1b[2J");
            }
            let table = |style| {
                let seconds = begin.elapsed().as_secs_f64();
                status_table::show(&concluded, &loaded.cluster, seconds, style)
            };
            match global.format {
                Format::Json | Format::Jsonl => global.result(&concluded),
                Format::Human => sink::out(&table(global.out())),
                Format::Markdown => sink::out(&markdown::block(&table(Style::plain()))),
            }
            if !arguments.watch {
                let bad = !concluded.problems.is_empty();
                return if bad && arguments.exit_code {
                    PENDING
                } else {
                    0
                };
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    })
}

/// Says how much is not as the inventory has it.
fn pending(plan: &Plan) -> Option<Trouble> {
    let nodes: BTreeSet<&NodeName> = plan.steps.iter().map(|step| &step.node).collect();
    let names: Vec<&str> = nodes.iter().map(|node| node.as_str()).collect();
    let steps = count(plan.steps.len(), "step");
    let (are, on) = (
        if plan.steps.len() == 1 { "is" } else { "are" },
        names.join(", "),
    );
    let message = format!("{steps} of apply {are} pending on {on}");
    (!nodes.is_empty()).then(|| Trouble::new(&plan.leader, message, "pgrepl plan"))
}

/// What the standbys that could lead lack for that.
fn unable(loaded: &context::Loaded, seen: &Observation, status: &mut Status) {
    let (cluster, templates) = (&loaded.cluster, &loaded.templates);
    let Some(leader) = status.leader.clone() else {
        return;
    };
    if let Some(message) = has_ended(seen, &leader).filter(|_| cluster.backup.is_none()) {
        let help = "say archive_mode and archive_command for all under postgresql: { parameters: … }, then pgrepl apply";
        let trouble = Trouble::new(&leader, message, help);
        status.push(trouble.urgent(Urgency::Archiving));
    }
    let plan = converge(cluster, templates, seen, None);
    if status.run.is_none() {
        status.notes.extend(plan.as_ref().ok().and_then(pending));
    }
    for (node, statement) in plan.iter().flat_map(|plan| plan.overridden()) {
        status.push(Trouble::new(
            node,
            "ALTER SYSTEM overrides a parameter of the inventory",
            format!("on {node}: {statement} SELECT pg_reload_conf();"),
        ));
    }
    let able = cluster
        .in_order()
        .filter(|node| node.name != leader && node.apply_delay.is_none());
    for node in able {
        let lacks = lacks(cluster, templates, seen, &leader, &node.name).unwrap_or_default();
        for trouble in lead::troubles(&node.name, &lacks) {
            status.push(trouble);
        }
        status.notes.extend(lead::notes(&node.name, &lacks));
    }
}
