//! What pgrepl would change or lose on servers that run, said in the inventory so that it does not.

use std::collections::{BTreeMap, BTreeSet};

use super::archive::kept;
use super::lead::{self, Next, Said};
use super::remarks::{Remarks, cost, remarks};
use crate::adopt::member::{cluster_name, common, setting, upstream, written};
use crate::facts::{Facts, Observation};
use crate::files::{self, Source, View};
use crate::inventory::at::{At, Named, Written, say};
use crate::inventory::words::{ParameterName, ParameterValue};
use crate::inventory::write::{Draft, remark};
use crate::inventory::{self, Cluster, Node, NodeName, Role};
use crate::postgres::owned::not_copied;
use crate::postgres::{conf, parameters, value};
use crate::render::Templates;

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
    let mut next: Vec<Next> = Vec::new();
    let mut rules: Vec<(String, Vec<String>)> = Vec::new();
    for node in cluster.in_order() {
        let Some(facts) = seen.facts(&node.name) else {
            continue;
        };
        next.push(changed(&cluster, node, facts, seen, templates, &mut found)?);
        rules.push((node.name.to_string(), own_rules(facts)));
    }
    say_parameters(&mut draft, &cluster, seen, next, &mut found);
    say_rules(&mut draft, &cluster, seen, rules, &mut found);
    remarks(&cluster, seen, &mut found);
    draft.remarks.extend(found.lines);
    read(&draft)?;
    Ok(draft)
}

/// Says parameters: what belongs to the cluster and what all say alike once, the rest for each host.
fn say_parameters(
    draft: &mut Draft,
    cluster: &Cluster,
    seen: &Observation,
    mut next: Vec<Next>,
    found: &mut Remarks,
) {
    let shared = lead::settings(cluster, seen, &mut next, found);
    let all: Vec<BTreeSet<(String, String)>> = next
        .iter()
        .map(|next| {
            let said = next.said.iter();
            said.map(|(name, (value, _))| (name.clone(), value.clone()))
                .collect()
        })
        .collect();
    let alike = |name: &String, value: &String| {
        all.iter()
            .all(|said| said.contains(&(name.clone(), value.clone())))
    };
    let own = next.into_iter().flat_map(|next| {
        let node = next.node;
        next.said
            .into_iter()
            .map(move |said| (Some(node.clone()), said))
    });
    let shared_said = shared.said.into_iter().map(|said| (None, said));
    let mut said: Vec<_> = own.chain(shared_said).collect();
    said.sort_by(|(_, (one, _)), (_, (other, _))| one.cmp(other));
    for (node, (name, (value, why))) in said {
        let place = match node.filter(|_| !alike(&name, &value)) {
            None => &mut draft.file.postgresql.made().parameters,
            Some(node) => &mut draft.host(node.as_str()).parameters,
        };
        let place = place.get_or_insert_default().block();
        put(place, &name, &value, &why);
    }
    for (node, name, value, why) in shared.choices {
        let place = &mut draft.host(node.as_str()).parameters;
        let said = At {
            written: Written::Choice(remark(&why)),
            ..At::from(value.as_str())
        };
        let place = place.get_or_insert_default().block();
        place.0.push((name.as_str().into(), said));
    }
}

/// Says rules: those that belong to the cluster once, and behind them what a host has of its own.
fn say_rules(
    draft: &mut Draft,
    cluster: &Cluster,
    seen: &Observation,
    rules: Vec<(String, Vec<String>)>,
    found: &mut Remarks,
) {
    let shared = lead::rules(cluster, seen, found);
    // A host's own rules stand behind those of all: what all begin with alike is said once.
    let mut alike = (0..)
        .map_while(|at| {
            let nth: Vec<Option<&String>> = rules.iter().map(|(_, rules)| rules.get(at)).collect();
            common(&nth).flatten().cloned()
        })
        .collect::<Vec<String>>();
    if let Some((_, leads)) = rules.first().filter(|_| !shared.is_empty()) {
        alike = leads.clone();
    }
    let plain = |rule: &String| At::from(rule.as_str());
    for (node, rules) in &rules {
        let own = rules.iter().filter(|rule| !alike.contains(rule));
        let own: Vec<At<_>> = own.map(plain).collect();
        draft.host(node).hba = (!own.is_empty()).then(|| own.into());
    }
    let mut said: Vec<At<_>> = alike.iter().map(plain).collect();
    said.extend(shared.iter().map(|(rule, why)| At {
        written: match why.as_str() {
            "" => Written::Short,
            why => Written::Remark(remark(why)),
        },
        ..plain(rule)
    }));
    draft.file.postgresql.made().hba = (!said.is_empty()).then(|| said.into());
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

/// Returns a server's next postgresql.conf, and the parameters that it has loaded and that this would change.
fn changed(
    cluster: &Cluster,
    node: &Node,
    facts: &Facts,
    seen: &Observation,
    templates: &Templates,
    found: &mut Remarks,
) -> Result<Next, String> {
    let major = cluster.major;
    let mut said = Said::new();
    let next = |said, text| Next {
        node: node.name.clone(),
        said,
        text,
    };
    let detected = lead::place(cluster, facts, &node.name);
    let (Some(platform), Some(server)) = (detected, &facts.server) else {
        return Ok(next(said, BTreeMap::new()));
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
    let conf =
        files::postgresql_conf(&view, templates, before.as_ref()).map_err(|e| e.to_string())?;
    let text: BTreeMap<String, String> = conf::settings(&conf.text).collect();
    for (name, loaded) in &server.settings {
        let Some(parameter) = parameters::lookup(major, name) else {
            continue;
        };
        let source = loaded.sourcefile.as_deref().unwrap_or_default();
        let by_alter_system = source.ends_with("postgresql.auto.conf");
        let cleaned = by_alter_system && not_copied().any(|other| other == *name);
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
                !automatic && !conf.kept.settings.contains(name) && !same(will)
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
    Ok(next(said, text))
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
