//! Looks at a host of which nothing is known yet: which servers it has, and whom it knows.

use std::net::IpAddr;
use std::time::Duration;

use crate::backup::{Engine, engines};
use crate::command::{Command, Vault};
use crate::facts::Unreachable;
use crate::facts::found::{Found, Installed};
use crate::host::{Host, HostError, Line};
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!([] "../facts/find.sh");

/// Asks a host; `ask` are names and addresses that it shall resolve.
pub async fn find(host: &dyn Host, name: &NodeName, ask: &[String]) -> Result<Found, Unreachable> {
    let command = Command::new("look for servers", SCRIPT)
        .var("ask", ask.join(" "))
        .var(
            "find_backups",
            engines().map(Engine::find).collect::<String>(),
        )
        .timeout(Some(Duration::from_secs(60)));
    let lines = host
        .run(&command, &Vault::default(), &|_| {})
        .await
        .map_err(|error| match error {
            HostError::Unreachable(reason) => reason,
            other => Unreachable {
                message: other.to_string(),
                help: format!("ssh {name} true"),
                original: String::new(),
            },
        })?;
    let mut found = Found::default();
    for line in lines {
        let Line::Fact(key, value) = line else {
            continue;
        };
        let columns: Vec<&str> = value.split('\t').collect();
        match (key.as_str(), &columns[..]) {
            ("address", [address]) => found.addresses.extend(address.parse::<IpAddr>()),
            ("named", [of, name]) => {
                let names = found.names.entry((*of).to_owned()).or_default();
                names.push((*name).to_owned());
            }
            ("resolved", [of, address]) => {
                let addresses = found.resolved.entry((*of).to_owned()).or_default();
                addresses.extend(address.parse::<IpAddr>());
            }
            ("foreign_backups", [directory]) => {
                found.foreign_backups = Some((*directory).to_owned())
            }
            ("server", [version, instance, port, state, data_directory]) => {
                found.servers.push(Installed {
                    version: (*version).to_owned(),
                    instance: (*instance).to_owned(),
                    port: port.parse().unwrap_or(0),
                    online: state.starts_with("online"),
                    data_directory: (*data_directory).to_owned(),
                });
            }
            _ => {}
        }
    }
    Ok(found)
}
