//! An address that the primary alone holds.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// An address with its prefix, and the interface that it is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VirtualAddress {
    /// The address.
    pub ip: IpAddr,
    /// The length of its network's prefix.
    pub prefix: u8,
    /// The interface.
    pub interface: String,
}

impl VirtualAddress {
    /// Reads `10.0.0.10/24`, an address that one host can have.
    pub fn read(text: &str, interface: &str) -> Option<Self> {
        let (ip, prefix) = text.split_once('/')?;
        let (ip, prefix): (IpAddr, u8) = (ip.parse().ok()?, prefix.parse().ok()?);
        let local = match ip {
            IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
            IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80 || ip.to_ipv4_mapped().is_some(),
        };
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let fits = (1..=most).contains(&prefix);
        let useless = ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || local;
        (fits && !useless).then(|| Self {
            ip,
            prefix,
            interface: interface.to_owned(),
        })
    }

    /// Returns it with its prefix, as `ip address` writes it.
    pub fn with_prefix(&self) -> String {
        format!("{}/{}", self.ip, self.prefix)
    }

    /// Says whether a server with these `listen_addresses` hears it, whenever it comes: only what stands for all addresses of
    /// its kind does, for a server opens its sockets when it starts.
    pub fn is_heard(&self, listen_addresses: &str) -> bool {
        let all = if self.ip.is_ipv4() { "0.0.0.0" } else { "::" };
        let mut words = listen_addresses.split(',').map(str::trim);
        words.any(|word| word == "*" || word == all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_one_host_can_have_is_one() {
        for (text, good) in [
            ("10.0.0.10/24", true),
            ("10.0.0.10/32", true),
            ("fd00::10/64", true),
            ("10.0.0.10", false),
            ("10.0.0.10/0", false),
            ("10.0.0.10/33", false),
            ("127.0.0.2/8", false),
            ("0.0.0.0/24", false),
            ("224.0.0.1/24", false),
            ("169.254.1.1/16", false),
            ("fe80::1/64", false),
            ("::ffff:10.0.0.1/96", false),
            ("server1/24", false),
        ] {
            assert_eq!(VirtualAddress::read(text, "eth0").is_some(), good, "{text}");
        }
    }

    #[test]
    fn an_address_that_comes_later_is_heard_only_where_all_are() {
        let heard =
            |text: &str, listen: &str| VirtualAddress::read(text, "eth0").unwrap().is_heard(listen);
        assert!(heard("10.0.0.10/24", "*"));
        assert!(heard("10.0.0.10/24", "localhost, 0.0.0.0"));
        assert!(!heard("10.0.0.10/24", "::"));
        assert!(!heard("10.0.0.10/24", "10.0.0.10,10.0.0.11"));
        assert!(heard("fd00::10/64", "::"));
        assert!(!heard("fd00::10/64", "0.0.0.0"));
    }
}
