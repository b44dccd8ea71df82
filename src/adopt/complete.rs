//! What pgrepl would change or lose on servers that run, said in the inventory so that it does not.

use std::collections::{BTreeMap, BTreeSet};

use super::archive::kept;
use super::remarks::{Remarks, cost, remarks};
use super::{cluster_name, common, setting, upstream, written};
use crate::action::place_clone::DANGEROUS;
use crate::facts::{Facts, Observation};
use crate::files::{self, Source, View};
use crate::inventory::at::{At, Named, Written, say};
use crate::inventory::words::{ParameterName, ParameterValue};
use crate::inventory::write::{Draft, remark};
use crate::inventory::{self, Cluster, Node, NodeName, Role};
use crate::platform;
use crate::postgres::{conf, parameters, value};
use crate::render::Templates;

/// Parameters by name, with the remark behind each.
type Said = BTreeMap<String, (String, String)>;

/// Completes a description by what was seen on its hosts: addresses, parameters, rules, remarks.
///
/// The error is one line: why there is no such inventory.
pub fn complete(
    mut draft: Draft,
    seen: &Observation,
    templates: &Templates,
) -> Result<Draft, String> {
    let cluster = read(&draft)?;
    if let (Some(facts), Some(section)) = (seen.facts(&cluster.primary), &mut draft.file.backup) {
        kept(section.made(), &cluster.name, facts);
    }
    addresses(&mut draft, &cluster, seen);
    let cluster = read(&draft)?;
    let mut found = Remarks::default();
    let mut parameters: Vec<(String, Said)> = Vec::new();
    let mut rules: Vec<(String, Vec<String>)> = Vec::new();
    for node in cluster.in_order() {
        let Some(facts) = seen.facts(&node.name) else {
            continue;
        };
        let said = changed(&cluster, node, facts, seen, templates, &mut found)?;
        parameters.push((node.name.to_string(), said));
        rules.push((node.name.to_string(), own_rules(facts)));
    }
    // What all of them say alike is said once.
    let all: Vec<BTreeSet<(String, String)>> = parameters
        .iter()
        .map(|(_, said)| {
            said.iter()
                .map(|(name, (value, _))| (name.clone(), value.clone()))
                .collect()
        })
        .collect();
    let alike = |name: &String, value: &String| {
        all.iter()
            .all(|said| said.contains(&(name.clone(), value.clone())))
    };
    for (node, said) in parameters {
        for (name, (value, why)) in said {
            let place = if alike(&name, &value) {
                &mut draft.file.postgresql.made().parameters
            } else {
                &mut draft.host(&node).parameters
            };
            let place = place.get_or_insert_default().block();
            put(place, &name, &value, &why);
        }
    }
    // A host's own rules stand behind those of all: what all begin with alike is said once.
    let alike = (0..)
        .map_while(|at| {
            let nth: Vec<Option<&String>> = rules.iter().map(|(_, rules)| rules.get(at)).collect();
            common(&nth).flatten().cloned()
        })
        .collect::<Vec<String>>();
    let said = |rules: &[String]| {
        let rules: Vec<At<_>> = rules.iter().map(|rule| rule.as_str().into()).collect();
        (!rules.is_empty()).then(|| rules.into())
    };
    for (node, rules) in rules {
        draft.host(&node).hba = said(&rules[alike.len()..]);
    }
    draft.file.postgresql.made().hba = said(&alike);
    remarks(&cluster, seen, &mut found);
    draft.remarks.extend(found.lines);
    read(&draft)?;
    Ok(draft)
}

/// Says a parameter, with a remark behind it; once said, it is said anew.
pub(super) fn put(
    place: &mut Named<ParameterName, ParameterValue>,
    name: &str,
    value: &str,
    why: &str,
) {
    let said = At {
        written: match why {
            "" => Written::Short,
            why => Written::Remark(remark(why)),
        },
        ..At::from(value)
    };
    place
        .0
        .retain(|(known, _)| known.value.as_ref().is_none_or(|known| known.0 != name));
    place.0.push((name.into(), said));
}

fn read(draft: &Draft) -> Result<Cluster, String> {
    inventory::read(&draft.text())
        .map(|reading| reading.cluster)
        .map_err(|problems| {
            let first = problems.first();
            first.map_or_else(String::new, |problem| {
                format!("{}: {}", problem.message, problem.label)
            })
        })
}

fn role(cluster: &Cluster, node: &Node) -> Role {
    if node.name == cluster.primary {
        return Role::Primary;
    }
    let upstream = node.upstream.clone();
    Role::Standby {
        upstream: upstream.unwrap_or_else(|| cluster.primary.clone()),
    }
}

/// Says how servers reach one another where the hosts resolve the names of the inventory to something else.
fn addresses(draft: &mut Draft, cluster: &Cluster, seen: &Observation) {
    for (name, facts) in seen.seen() {
        let Some(node) = cluster.nodes.get(name) else {
            continue;
        };
        let Role::Standby { upstream: sender } = role(cluster, node) else {
            continue;
        };
        let mut say = |peer: &NodeName, address: &str| {
            let host = draft.host(peer.as_str());
            if host.address.is_none() {
                host.address = say(address);
            }
        };
        // The sender, as the standby's connection string has it.
        let pairs = upstream(facts);
        let said = pairs.get("hostaddr").or(pairs.get("host"));
        if let Some(said) = said.filter(|said| !said.contains([',', '/'])) {
            let usual = files::host(cluster, seen, name, &sender);
            let known = files::addresses(cluster, seen, name, &sender);
            let is_address = said.parse::<std::net::IpAddr>().is_ok();
            let good = match &usual {
                Some(usual) if usual == said => true,
                // Somebody's own name for it: the address that the inventory's name has is as good.
                // But not to one that reads it in a certificate.
                Some(_) => {
                    !is_address
                        && cluster_name(facts).is_none()
                        && !files::verifies_name(cluster, name)
                }
                None => false,
            };
            let good = good || said.parse().is_ok_and(|said| known.first() == Some(&said));
            if !good {
                say(&sender, said);
            }
        }
        // The standby, as its sender sees it.
        let addresses = files::addresses(cluster, seen, &sender, name);
        let own = &facts.addresses;
        let senders = seen
            .facts(&sender)
            .and_then(|facts| facts.server.as_ref())
            .map(|server| server.senders.as_slice())
            .unwrap_or_default();
        let address = senders
            .iter()
            .filter_map(|sender| sender.address.as_ref()?.parse().ok())
            .find(|address| own.contains(address));
        if let Some(address) = address.filter(|address| !addresses.contains(address)) {
            say(name, &address.to_string());
        }
    }
}

/// Returns the parameters that a server has loaded and that its next postgresql.conf would change.
fn changed(
    cluster: &Cluster,
    node: &Node,
    facts: &Facts,
    seen: &Observation,
    templates: &Templates,
    found: &mut Remarks,
) -> Result<Said, String> {
    let major = cluster.major;
    let mut said = Said::new();
    let detected = platform::choose(
        None,
        &facts.os.id,
        &facts.os.like,
        major,
        &node.instance,
        node.data_directory.as_deref(),
    );
    let (Some(platform), Some(server)) = (detected, &facts.server) else {
        return Ok(said);
    };
    let path = platform.config("postgresql.conf");
    let role = role(cluster, node);
    let view = View {
        cluster,
        node,
        role: &role,
        platform: &platform,
        world: seen,
        leader: &cluster.primary,
        floors: BTreeMap::new(),
        synchronous: true,
    };
    let before = Source::conf(facts, &platform);
    let next =
        files::postgresql_conf(&view, templates, before.as_ref()).map_err(|e| e.to_string())?;
    let text: BTreeMap<String, String> = conf::settings(&next.text).collect();
    for (name, loaded) in &server.settings {
        let Some(parameter) = parameters::lookup(major, name) else {
            continue;
        };
        let source = loaded.sourcefile.as_deref().unwrap_or_default();
        let by_alter_system = source.ends_with("postgresql.auto.conf");
        let cleaned = by_alter_system && DANGEROUS.contains(&name.as_str());
        if loaded.context == "internal" || (by_alter_system && !cleaned) {
            continue;
        }
        if loaded.source == "command line" {
            if name != "config_file" && name != "data_directory" {
                found.add(format!(
                    "{}: {name} comes from the server's command line and stays there",
                    node.name
                ));
            }
            continue;
        }
        // It was said already, without what follows from the roles.
        if name == "primary_conninfo" {
            continue;
        }
        // What a server shows while it does not archive is no command.
        if name == "archive_command" && loaded.setting == "(disabled)" {
            continue;
        }
        let same = |said: &str| value::same(major, name, &parameter.kind, said, &loaded.setting);
        let will = text.get(name);
        let differs = match will {
            Some(will) => {
                let automatic = value::parse(major, &parameter.kind, will)
                    .is_ok_and(|value| value::is_automatic(name, &value));
                !automatic && !next.kept.settings.contains(name) && !same(will)
            }
            // A line of pgrepl's own that only the inventory can have asked for stands there whatever it says.
            None => {
                let own = source == path && cluster_name(facts).is_some();
                let default = || same(loaded.boot_val.as_deref().unwrap_or_default());
                own || (source == path || cleaned) && !default()
            }
        };
        if !differs {
            continue;
        }
        let value = written(major, facts, name, loaded);
        if inventory::is_written_by_pgrepl(name, cluster.backup.is_some()) {
            found.not_said(
                &node.name,
                name,
                &value,
                will.map(String::as_str),
                &loaded.context,
            );
            continue;
        }
        if value.chars().any(char::is_control) || cluster.breaks_replication(name, &value) {
            let will = will.map_or("its default", String::as_str);
            found.add(format!(
                "{}: {name} cannot stay as it is and becomes {will} (a {})",
                node.name,
                cost(&loaded.context)
            ));
            continue;
        }
        let why = match will {
            Some(will) => {
                let will = if will.is_empty() { "''" } else { will };
                match loaded.context.as_str() {
                    "postmaster" => format!("pgrepl's own: {will}, a restart"),
                    _ => format!("pgrepl's own: {will}"),
                }
            }
            None => String::new(),
        };
        said.insert(name.clone(), (value, why));
    }
    if !major.caps().has_standby_signal && cluster.backup.is_none() {
        let fetches = setting(facts, "restore_command").filter(|command| !command.is_empty());
        said.extend(fetches.map(|command| ("restore_command".into(), (command, String::new()))));
    }
    Ok(said)
}

/// Returns the inventory's rules in a pg_hba.conf that pgrepl wrote; what others wrote is kept without being said.
fn own_rules(facts: &Facts) -> Vec<String> {
    let text = facts
        .files
        .iter()
        .find(|(path, _)| path.ends_with("/pg_hba.conf"))
        .and_then(|(_, file)| file.content.as_deref())
        .filter(|text| text.contains(": written by pgrepl."))
        .unwrap_or_default();
    text.lines()
        .skip_while(|line| *line != "# From the inventory")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}
