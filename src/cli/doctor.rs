//! `pgrepl doctor`.

use std::process::Command;

use super::exit::PENDING;
use super::{Failure, FailureKind, Format, Global, context, secrets};
use crate::inventory::file::USUAL_VERSION;
use crate::inventory::write::Draft;
use crate::inventory::{self, Cluster};
use crate::observe::{doctor::check_up, observe};
use crate::report::doctor::{Check, Verdict, conclude, show};
use crate::report::style::Style;
use crate::report::{markdown, sink};

/// Looks for what a first run needs, on this machine and on the hosts, and changes nothing
///
/// Examples:
///   pgrepl doctor
///   pgrepl doctor server1 server2
///   pgrepl -i inventory.yaml doctor
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Hosts as in `ssh server1`, or some of the inventory; all of the inventory if none is named
    hosts: Vec<String>,
    /// The major version of PostgreSQL to look for, where there is no inventory
    #[arg(long)]
    version: Option<String>,
    /// A client configuration file for ssh, where there is no inventory
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<String>,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    if let Some(file) = arguments.hosts.iter().find(|host| host.ends_with(".yaml")) {
        let failure = Failure::new(
            FailureKind::Usage,
            format!("expected hosts, found the file {file}"),
        );
        return Err(failure.help(format!("pgrepl -i {file} doctor")));
    }
    let mut checks = vec![ssh()];
    let cluster = match context::path(global, None) {
        Ok(path) => {
            let loaded = context::load(global, Some(&path))?;
            let says = format!("{}: cluster {}", path.display(), loaded.cluster.name);
            checks.push(Check::here("inventory", says, ""));
            checks.push(
                match secrets::password(&loaded.cluster, loaded.directory()) {
                    Ok(_) => Check::here("password", "the replication password can be read", ""),
                    Err(failure) => Check::here("password", failure.message(), failure.help),
                },
            );
            loaded.cluster
        }
        Err(failure) if arguments.hosts.is_empty() => {
            return Err(failure.help("pgrepl doctor server1"));
        }
        Err(_) => {
            checks.push(Check::here(
                "inventory",
                "none yet: pgrepl init writes one",
                "",
            ));
            of_hosts(global, arguments)?
        }
    };
    let named = context::limit(&cluster, &arguments.hosts)?;
    let mut connections = context::connect(&cluster)?;
    if let Some(named) = &named {
        connections.hosts.retain(|name, _| named.contains(name));
    }
    let screen = context::screen(global);
    let hosts = &connections.hosts;
    let (seen, checkups) = context::block_on(async {
        let tell = |event| {
            if global.format == Format::Human {
                screen.tell(&event);
            }
        };
        let seen = observe(&cluster, hosts, None, &tell).await;
        let checkups = check_up(&cluster, hosts, &seen).await;
        (seen, checkups)
    })?;
    checks.extend(conclude(&cluster, &seen, &checkups));
    match global.format {
        Format::Json | Format::Jsonl => global.result(&Checks {
            format_version: "1.0",
            checks: &checks,
        }),
        Format::Human => sink::out(&show(&checks, global.out())),
        Format::Markdown => sink::out(&markdown::block(&show(&checks, Style::plain()))),
    }
    let missing = checks.iter().any(|check| check.verdict == Verdict::Missing);
    Ok(if missing { PENDING } else { 0 })
}

/// What was looked at, as data.
#[derive(serde::Serialize)]
struct Checks<'a> {
    /// The version of this shape.
    format_version: &'static str,
    /// One thing each.
    checks: &'a [Check],
}

/// An inventory of hosts that are in none yet.
fn of_hosts(global: &Global, arguments: &Arguments) -> Result<Cluster, Failure> {
    let Some((primary, standbys)) = arguments.hosts.split_first() else {
        return Err(Failure::new(
            FailureKind::Usage,
            "expected a host, found none",
        ));
    };
    let version = arguments.version.as_deref().unwrap_or(USUAL_VERSION);
    let mut draft = Draft::new("main", version, "PASSWORD", primary);
    draft.standbys(standbys.iter().map(String::as_str));
    draft.ssh_config(arguments.ssh_config.as_deref());
    let text = draft.text();
    let reading = inventory::read(&text)
        .map_err(|found| context::invalid(global, &found, "these hosts", &text))?;
    Ok(reading.cluster)
}

fn ssh() -> Check {
    // It tells its version on standard error.
    match Command::new("ssh").arg("-V").output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Check::here("ssh", said.lines().next().unwrap_or("it is there"), "")
        }
        Err(_) => Check::here(
            "ssh",
            "there is no program ssh",
            "install openssh-client, or openssh-clients",
        ),
    }
}
