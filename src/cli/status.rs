//! `pgrepl status`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::backup::{moment, read};
use super::exit::PENDING;
use super::{Failure, Format, Global, context};
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::observe::observe;
use crate::plan::archiving::has_ended;
use crate::plan::lead::lacks;
use crate::report::archive::summary;
use crate::report::status::Trouble;
use crate::report::style::Style;
use crate::report::{lead, markdown, sink, status, status_table};

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
    watch: bool,
    /// Ends with 2 when there are problems
    #[arg(long)]
    exit_code: bool,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let loaded = context::load(global, arguments.inventory.as_ref())?;
    let connections = context::connect(&loaded.cluster)?;
    context::block_on(async {
        loop {
            let begin = Instant::now();
            let seen = observe(&loaded.cluster, &connections.hosts, None, &|_| {}).await;
            let mut concluded = status::conclude(&loaded.cluster, &seen);
            concluded
                .problems
                .extend(unable(&loaded, &seen, concluded.leader.as_ref()));
            if loaded.cluster.backup.is_some()
                && let Ok((node, there)) = read(&loaded.cluster, &connections, &seen).await
            {
                concluded.backups = summary(&there, &moment);
                for message in concluded.backups.iter().flat_map(|said| &said.findings) {
                    concluded.problems.push(Trouble {
                        node: node.clone(),
                        message: message.clone(),
                        help: "pgrepl backup list".into(),
                    });
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
                Format::Json | Format::Jsonl => sink::json(&concluded),
                Format::Human => sink::out(&table(global.out())),
                Format::Markdown => sink::out(&markdown::block(&table(Style { color: false }))),
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

/// What the standbys that could lead lack for that.
fn unable(loaded: &context::Loaded, seen: &Observation, leader: Option<&NodeName>) -> Vec<Trouble> {
    let (cluster, templates) = (&loaded.cluster, &loaded.templates);
    let Some(leader) = leader else {
        return Vec::new();
    };
    let ended = has_ended(seen, leader).filter(|_| cluster.backup.is_none());
    let ended = ended.map(|message| Trouble {
        node: leader.clone(),
        message,
        help: "say archive_mode and archive_command for all under postgresql: { parameters: … }, then pgrepl apply".into(),
    });
    let able = cluster
        .in_order()
        .filter(|node| node.name != *leader && node.apply_delay.is_none());
    let lacking = able.flat_map(|node| {
        let lacks = lacks(cluster, templates, seen, leader, &node.name).unwrap_or_default();
        lead::troubles(&node.name, &lacks)
    });
    ended.into_iter().chain(lacking).collect()
}
