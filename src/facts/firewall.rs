//! The host's firewall, as far as PostgreSQL's port goes.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A firewall that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// Which one.
    pub kind: FirewallKind,
    /// The rules of the cluster, and those of others for its port.
    pub rules: Vec<FirewallRule>,
    /// Rules of others that refuse what comes to its port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<Denial>,
}

/// A firewall that pgrepl can tell what to let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallKind {
    /// firewalld.
    Firewalld,
    /// ufw.
    Ufw,
}

/// A rule that lets one address, or everybody, in to one TCP port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// An address, or [`ANYBODY`].
    pub source: String,
    /// The port.
    pub port: u16,
    /// Whether pgrepl made it, for this cluster.
    pub ours: bool,
    /// Whether it holds now and after the next start, wherever strangers come in.
    pub full: bool,
}

/// A rule that refuses, and that comes before those which let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// An address, a network, or [`ANYBODY`].
    pub source: String,
    /// The firewall's own words for it.
    pub words: String,
    /// Whom an earlier rule lets in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spares: Vec<String>,
}

/// The source of a rule that lets everybody in.
pub const ANYBODY: &str = "any";

impl FirewallKind {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            FirewallKind::Firewalld => "firewalld",
            FirewallKind::Ufw => "ufw",
        }
    }
}

impl Firewall {
    /// Reads the probe's lines; `None` if no firewall stands in the way. Rules of others for other ports are left out.
    pub(super) fn read(kind: Option<&str>, rules: &[&str], port: u16) -> Option<Self> {
        let kind = [FirewallKind::Firewalld, FirewallKind::Ufw]
            .into_iter()
            .find(|known| Some(known.name()) == kind)?;
        let mut denials: Vec<Denial> = Vec::new();
        let mut read: Vec<FirewallRule> = Vec::new();
        for line in rules {
            if let Some(denial) = line.strip_prefix("denial ") {
                let mut parts = denial.splitn(3, ' ');
                if let (Some(source), Some(ports), Some(words)) =
                    (parts.next(), parts.next(), parts.next())
                    && covers_port(ports, port)
                {
                    denials.push(Denial {
                        source: source.into(),
                        words: words.into(),
                        spares: read
                            .iter()
                            .filter(|rule| rule.port == port)
                            .map(|rule| rule.source.clone())
                            .collect(),
                    });
                }
                continue;
            }
            let words: Vec<&str> = line.split(' ').collect();
            let [source, number, owner, extent] = words[..] else {
                continue;
            };
            let Ok(number) = number.parse() else {
                continue;
            };
            if owner == "ours" || number == port {
                read.push(FirewallRule {
                    source: source.into(),
                    port: number,
                    ours: owner == "ours",
                    full: extent == "full",
                });
            }
        }
        let mut firewall = Self {
            kind,
            rules: read,
            denials,
        };
        firewall.sort();
        Some(firewall)
    }

    /// Brings the rules that let in into the order in which they are compared.
    pub fn sort(&mut self) {
        self.rules
            .sort_by(|a, b| (&a.source, a.port).cmp(&(&b.source, b.port)));
    }

    /// Returns the rule that refuses an address, whatever lets it in later.
    pub fn refuses(&self, address: IpAddr) -> Option<&Denial> {
        let text = address.to_string();
        self.denials.iter().find(|denial| {
            let spared = |source: &String| *source == text || source == ANYBODY;
            covers_address(&denial.source, address) && !denial.spares.iter().any(spared)
        })
    }

    /// Says whether a source is let in to a port by a rule of its own.
    pub fn lets_in(&self, source: &str, port: u16) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.full && rule.source == source && rule.port == port)
    }
}

/// Says whether a port is among those of a rule: `any`, a list, ranges as ufw or as firewalld write them.
fn covers_port(ports: &str, port: u16) -> bool {
    ports == ANYBODY || ports.split(',').any(|part| {
        let (from, to) = part.split_once([':', '-']).unwrap_or((part, part));
        let number = |text: &str| text.parse::<u16>().ok();
        matches!((number(from), number(to)), (Some(from), Some(to)) if (from..=to).contains(&port))
    })
}

/// Says whether an address is the source of a rule, or is in its network.
fn covers_address(source: &str, address: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    };
    let (network, length) = source.split_once('/').unwrap_or((source, "128"));
    let Ok(network) = network.parse::<IpAddr>() else {
        return source == ANYBODY;
    };
    let (Ok(length), true) = (length.parse(), network.is_ipv4() == address.is_ipv4()) else {
        return false;
    };
    let differ = bits(network) ^ bits(address);
    differ.leading_zeros() >= length || differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(lines: &[&str], address: &str) -> Option<String> {
        let firewall = Firewall::read(Some("ufw"), lines, 5432).unwrap();
        let denial = firewall.refuses(address.parse().unwrap());
        denial.map(|denial| denial.words.clone())
    }

    #[test]
    fn a_denial_holds_for_its_ports_and_its_network_unless_a_rule_before_it_lets_in() {
        for (source, ports, address, holds) in [
            ("10.0.0.12", "any", "10.0.0.12", true),
            ("10.0.0.12", "5000:6000", "10.0.0.12", true),
            ("10.0.0.12", "80,5432-5433", "10.0.0.12", true),
            ("10.0.0.12", "80,443", "10.0.0.12", false),
            ("10.0.0.0/24", "5432", "10.0.0.12", true),
            ("10.0.0.0/24", "5432", "10.0.1.12", false),
            ("any", "5432", "fd00::2", true),
            ("fd00::/64", "5432", "fd00::2", true),
            ("fd00::/64", "5432", "10.0.0.12", false),
            ("0.0.0.0/0", "5432", "10.0.0.12", true),
        ] {
            let line = format!("denial {source} {ports} its words");
            let words = refused(&[&line], address);
            assert_eq!(words.is_some(), holds, "{line}, {address}");
        }
        let (allow, deny) = ("10.0.0.12 5432 ours full", "denial any any words");
        assert_eq!(refused(&[allow, deny], "10.0.0.12"), None);
        assert_eq!(
            refused(&[deny, allow], "10.0.0.12").as_deref(),
            Some("words")
        );
        assert_eq!(
            refused(&[allow, deny], "10.0.0.13").as_deref(),
            Some("words")
        );
    }
}
