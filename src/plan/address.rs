//! The address that the primary alone holds: whoever else has it loses it, and then whoever leads gets it.

use crate::action::clients::address::PROGRAM;
use crate::action::{AddressPaths, DropAddress, DropAddressUnit, SetAddressUnit, TakeAddress};
use crate::facts::{Advice, Observation, digest};
use crate::files::address::{address_program, address_unit, address_unit_text};
use crate::inventory::{Cluster, NodeName, VirtualAddress};
use crate::plan::builder::Builder;

/// Returns what a host gives up together with its server.
pub(in crate::plan) fn given_up(b: &Builder, node: &NodeName) -> Option<VirtualAddress> {
    let address = b.cluster.address_on(node)?;
    let holds = b.facts(node)?.address.holds(&address);
    holds.then_some(address)
}

/// Returns what a host gets together with its promotion, where the primary that stops for it gives it up.
pub(in crate::plan) fn handed_over(
    b: &Builder,
    from: &NodeName,
    to: &NodeName,
) -> Option<VirtualAddress> {
    given_up(b, from)?;
    b.cluster.address_on(to)
}

/// Plans that nobody but the leader holds the address, and that the leader does once its server leads.
pub(in crate::plan) fn lead_address(b: &mut Builder) {
    let leader = b.leader.clone();
    let wanted = b.cluster.address_on(&leader);
    let nodes: Vec<NodeName> = b.cluster.nodes.keys().cloned().collect();
    let (mut dropped, mut stays) = (Vec::new(), Vec::new());
    for node in &nodes {
        let ip = wanted.as_ref().map(|wanted| wanted.ip);
        let held = b.facts(node).map(|facts| facts.address.held.clone());
        for address in held.into_iter().flatten() {
            let is_it = Some(address.ip) == ip;
            if is_it && *node == leader {
                continue;
            }
            if !b.free(node) {
                stays.push(node.clone());
                continue;
            }
            let why = match is_it {
                true => format!("{leader} leads"),
                false => "the inventory has another one, or none".into(),
            };
            b.step(node, DropAddress { address }).because(why);
            dropped.push(node.clone());
        }
    }
    b.next_phase();
    let Some(address) = wanted.filter(|_| b.free(&leader)) else {
        return;
    };
    let Some(facts) = b.facts(&leader).filter(|facts| facts.primary().is_some()) else {
        return;
    };
    if facts.address.holds_as(&address) {
        return;
    }
    if let Some(Advice { message, help }) = no_interface(b.cluster, &b.world, &leader) {
        b.note(&leader, message, help);
        return;
    }
    if let Some(other) = stays.first() {
        let help = format!("ssh {other} sudo ip address del {}", on_interface(&address));
        let message = format!(
            "{other} has {} and is left alone: it is not added here",
            address.ip
        );
        b.note(&leader, message, help);
        return;
    }
    let unseen: Vec<&str> = b.seen.unseen().map(|(node, _)| node.as_str()).collect();
    let why = match (unseen[..].is_empty(), facts.address.holds(&address)) {
        (_, true) => "it is there in another way".to_owned(),
        (true, _) => format!("{leader} leads, unless somebody else answers for it"),
        (false, _) => format!(
            "{leader} leads; {} cannot be reached and may have it still: only if nobody answers for it",
            unseen.join(", ")
        ),
    };
    let needs: Vec<&NodeName> = dropped.iter().collect();
    b.step(&leader, TakeAddress { address })
        .because(why)
        .after(&needs);
    b.next_phase();
}

fn on_interface(address: &VirtualAddress) -> String {
    format!("{} dev {}", address.with_prefix(), address.interface)
}

/// Says that a host lacks the interface that the address goes on.
pub(in crate::plan) fn no_interface(
    cluster: &Cluster,
    world: &Observation,
    node: &NodeName,
) -> Option<Advice> {
    let address = cluster.address_on(node)?;
    let interfaces = &world.facts(node)?.address.interfaces;
    let there = interfaces.is_empty() || interfaces.contains_key(&address.interface);
    (!there).then(|| {
        let known: Vec<&str> = interfaces.keys().map(String::as_str).collect();
        Advice::new(
            format!(
                "it has no interface {} for {}, but {}",
                address.interface,
                address.ip,
                known.join(", ")
            ),
            format!("hosts: {{ {node}: {{ interface: … }} }}"),
        )
    })
}

/// Plans the units that add the address at boot: any host may lead tomorrow.
pub(in crate::plan) fn address_units(b: &mut Builder) {
    let nodes: Vec<NodeName> = b.cluster.nodes.keys().cloned().collect();
    for node in &nodes {
        address_unit_of(b, node);
    }
}

fn address_unit_of(b: &mut Builder, node: &NodeName) {
    let (true, Some(facts), Some(platform)) = (b.free(node), b.facts(node), b.platform(node))
    else {
        return;
    };
    let name = &b.cluster.name;
    let paths = AddressPaths {
        program: address_program(name),
        unit: address_unit(name),
    };
    let is = |path: &str, text: &str| {
        let file = facts.files.get(path);
        file.is_some_and(|file| file.digest == digest(text))
    };
    let text = address_unit_text(b.cluster, node, &platform);
    let (Some(text), Some(address)) = (text, b.cluster.address_on(node)) else {
        let files = [&paths.program, &paths.unit];
        if files.iter().any(|path| facts.files.contains_key(*path)) {
            b.step(node, DropAddressUnit { paths })
                .because("the inventory has none any more");
        }
        return;
    };
    let same = is(&paths.program, PROGRAM) && is(&paths.unit, &text) && facts.address.unit;
    // Only where there is a server that it could ask.
    if same || facts.server.is_none() {
        return;
    }
    if !facts.systemd {
        let message = format!("there is no systemd: nothing adds {} at boot", address.ip);
        b.note(node, message, "after a boot: pgrepl apply");
        return;
    }
    let set = SetAddressUnit {
        address,
        paths,
        text,
    };
    b.step(node, set)
        .because("nothing else configures it, and a standby does not get it");
}

/// Tells who holds the address where it cannot be said who leads, if that is more than one.
pub fn doubled(cluster: &Cluster, seen: &Observation) -> Vec<(NodeName, Advice)> {
    let Some(address) = &cluster.address else {
        return Vec::new();
    };
    let holders = seen
        .seen()
        .filter(|(_, facts)| facts.address.holds(address));
    let holders: Vec<&NodeName> = holders.map(|(node, _)| node).collect();
    let found = holders.iter().filter(|_| holders.len() > 1);
    let advice = |node: &&NodeName| {
        let message = format!("has {}, and is not the only one", address.ip);
        let interface = cluster.address_on(node).unwrap_or_else(|| address.clone());
        let del = on_interface(&interface);
        let help = format!("if it is not to lead: ssh {node} sudo ip address del {del}");
        ((*node).clone(), Advice::new(message, help))
    };
    found.map(advice).collect()
}

/// Tells what is wrong with the address while a server leads, each with what to type.
pub fn troubles(
    cluster: &Cluster,
    seen: &Observation,
    leader: &NodeName,
) -> Vec<(NodeName, Advice)> {
    let Some(address) = cluster.address_on(leader) else {
        return Vec::new();
    };
    let ip = address.ip;
    let mut found = Vec::new();
    let mut tell = |node: &NodeName, message: String, help: String| {
        found.push((node.clone(), Advice::new(message, help)));
    };
    let apply = || "pgrepl apply".to_owned();
    for (node, facts) in seen.seen() {
        if node != leader && facts.address.holds(&address) {
            tell(node, format!("has {ip}, and {leader} leads"), apply());
        }
    }
    // Whose link-layer address it is, where it is that of a server.
    let is_of = |link: &str| {
        let mut hosts = seen.seen();
        let of = hosts.find(|(_, facts)| facts.address.interfaces.values().any(|own| own == link));
        of.map(|(node, _)| node)
    };
    let strange = seen.seen().find_map(|(_, facts)| {
        let link = facts.address.answered.as_deref()?;
        is_of(link).is_none().then(|| link.to_owned())
    });
    let holds = seen
        .facts(leader)
        .is_some_and(|facts| facts.address.holds(&address));
    let as_wanted = seen
        .facts(leader)
        .is_some_and(|facts| facts.address.holds_as(&address));
    if let Some(link) = strange {
        let unseen: Vec<&str> = seen.unseen().map(|(node, _)| node.as_str()).collect();
        let (who, help) = match unseen.first() {
            Some(one) => (
                format!(
                    "which may be {}, which cannot be reached",
                    unseen.join(" or ")
                ),
                format!(
                    "make sure that {one} is off, or on its console: ip address del {}; then: pgrepl apply",
                    on_interface(&address)
                ),
            ),
            None => (
                "which none of the servers has".into(),
                format!(
                    "find out whose it is, and give that another address: ip neighbour show to {ip}"
                ),
            ),
        };
        let too = if holds { " as well" } else { "" };
        tell(
            leader,
            format!("{ip} is answered{too} by {link}, {who}"),
            help,
        );
    } else if let Some(Advice { message, help }) = no_interface(cluster, seen, leader) {
        tell(leader, message, help);
    } else if !holds && seen.facts(leader).is_some() {
        tell(
            leader,
            format!("leads and does not have {ip}: clients that go there find no primary"),
            apply(),
        );
    } else if holds && !as_wanted {
        let message = format!("has {ip} in another way than {}", on_interface(&address));
        tell(leader, message, apply());
    }
    found
}
