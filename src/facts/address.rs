//! The address that the primary alone holds, as a host sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::lines::{Lines, columns};
use crate::inventory::VirtualAddress;

/// What a host tells of the address that the primary alone holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressFacts {
    /// Where it holds it, or one that it was given before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<VirtualAddress>,
    /// Its network interfaces, with their link-layer addresses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub interfaces: BTreeMap<String, String>,
    /// The link-layer address of whoever answers for it, where that is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<String>,
    /// Whether the unit is enabled that adds it at boot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unit: bool,
}

impl AddressFacts {
    /// Says whether a host tells nothing of it.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Says whether the host holds this address, on whatever interface.
    pub fn holds(&self, address: &VirtualAddress) -> bool {
        self.held.iter().any(|held| held.ip == address.ip)
    }

    /// Says whether it holds it once, as it is to.
    pub fn holds_as(&self, address: &VirtualAddress) -> bool {
        self.held.iter().all(|held| held == address) && self.holds(address)
    }

    pub(super) fn read(lines: &Lines, known: &BTreeSet<IpAddr>) -> Self {
        let held = lines.all("interface_address").iter();
        let held = held
            .filter_map(|line| columns(line))
            .filter_map(|[interface, address]| VirtualAddress::read(address, interface))
            .filter(|held| known.contains(&held.ip));
        let interfaces = lines.all("interface").iter();
        let interfaces = interfaces
            .filter_map(|line| columns(line))
            .map(|[name, link]| (name.to_owned(), link.to_owned()));
        Self {
            held: held.collect(),
            interfaces: interfaces.collect(),
            answered: lines.first("address_answered").map(str::to_owned),
            unit: lines.first("address_unit") == Some("enabled"),
        }
    }
}

/// Returns the path of the unit that adds the address at boot.
pub fn unit_path(cluster: &str) -> String {
    format!("/etc/systemd/system/pgrepl-{cluster}-address.service")
}

/// The addresses that a host's servers do not count as its own: the inventory's, and the one that its unit was written for.
pub(super) fn known(wanted: Option<IpAddr>, unit: &str) -> BTreeSet<IpAddr> {
    let written = unit
        .lines()
        .filter_map(|line| line.strip_prefix("Environment=\"address="))
        .filter_map(|value| VirtualAddress::read(value.trim_end_matches('"'), ""))
        .map(|address| address.ip);
    wanted.into_iter().chain(written).collect()
}
