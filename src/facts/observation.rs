//! What was seen on all hosts at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Facts, PoolerFacts};
use crate::inventory::NodeName;

/// What was seen on every host of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// One sight for every node of the inventory.
    pub hosts: BTreeMap<NodeName, Sight>,
    /// What was seen of each pooler, or why it could not be read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub poolers: BTreeMap<NodeName, Result<PoolerFacts, Unreachable>>,
}

/// What was seen on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// The probe answered.
    Seen(Box<Facts>),
    /// It did not.
    Unreachable(Unreachable),
}

/// Why a host could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreachable {
    /// One line, lower-case: "cannot log in to server2: permission denied (publickey)".
    pub message: String,
    /// What to type, or empty.
    pub help: String,
    /// The original words of ssh, sudo or the shell, shown with `-v`.
    pub original: String,
}

impl Observation {
    /// Returns the facts of a host that was seen.
    pub fn facts(&self, node: &NodeName) -> Option<&Facts> {
        match self.hosts.get(node)? {
            Sight::Seen(facts) => Some(facts),
            Sight::Unreachable(_) => None,
        }
    }

    /// Returns the facts of a host that was seen, to change them as an action would.
    pub fn facts_mut(&mut self, node: &NodeName) -> Option<&mut Facts> {
        match self.hosts.get_mut(node)? {
            Sight::Seen(facts) => Some(facts),
            Sight::Unreachable(_) => None,
        }
    }

    /// Iterates over the hosts that were seen.
    pub fn seen(&self) -> impl Iterator<Item = (&NodeName, &Facts)> {
        self.hosts.iter().filter_map(|(name, sight)| match sight {
            Sight::Seen(facts) => Some((name, facts.as_ref())),
            Sight::Unreachable(_) => None,
        })
    }

    /// Iterates over the hosts that were seen, to change them as an action would.
    pub fn seen_mut(&mut self) -> impl Iterator<Item = (&NodeName, &mut Facts)> {
        self.hosts
            .iter_mut()
            .filter_map(|(name, sight)| match sight {
                Sight::Seen(facts) => Some((name, facts.as_mut())),
                Sight::Unreachable(_) => None,
            })
    }

    /// Iterates over the hosts that were not seen, with the reasons.
    pub fn unseen(&self) -> impl Iterator<Item = (&NodeName, &Unreachable)> {
        self.hosts.iter().filter_map(|(name, sight)| match sight {
            Sight::Seen(_) => None,
            Sight::Unreachable(reason) => Some((name, reason)),
        })
    }
}
