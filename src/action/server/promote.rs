//! Promotes a standby.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::clients::address::moved;
use crate::action::server::stop::{ARMED, SHUTDOWN};
use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::{Content, Observation, predict};
use crate::inventory::{NodeName, VirtualAddress};
use crate::postgres::{History, Lsn, SystemId, Timeline};
use crate::script::script;

const SCRIPT: &str = script!(["neighbour.sh", "address.sh"] "promote.sh");

/// Asks for the promotion and looks every 5 ms whether it is over; pg_promote itself would look every 100.
const PROMOTE: &str = "case when pg_promote(false) and exists (select from generate_series(1, 12000) \
     where pg_sleep(0.005) is not null and not pg_is_in_recovery()) then 'promoted' else 'asked' end";

/// The word with which a candidate tells that it leads.
pub const PROMOTED: &str = "promoted";

/// Promotes a standby that has replayed everything up to a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promote {
    /// The instance that is expected there.
    pub system_id: SystemId,
    /// Whether the position comes from the primary that stops meanwhile.
    pub handover: bool,
    /// Otherwise the position: more than this must have been replayed.
    pub after: Option<Lsn>,
    /// The address that its host takes over, which nobody else has then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<VirtualAddress>,
    /// How many seconds the replay may still take.
    pub seconds: u64,
}

impl Act for Promote {
    fn title(&self) -> String {
        match &self.address {
            Some(address) => format!("promote, add {}", address.ip),
            None => "promote".into(),
        }
    }

    fn done(&self) -> String {
        match &self.address {
            Some(address) => format!("promoted: it is the primary, with {}", address.ip),
            None => "promoted: it is the primary".into(),
        }
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    fn tells(&self) -> &'static [&'static str] {
        if self.handover {
            &[ARMED, PROMOTED]
        } else {
            &[]
        }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let names = place.major.caps().names;
        let address = self.address.as_ref().map(VirtualAddress::with_prefix);
        let interface = self
            .address
            .as_ref()
            .map(|address| address.interface.as_str());
        let mut command = place
            .command("promote", SCRIPT)
            .var("system_id", self.system_id)
            .var("seconds", self.seconds)
            .var("address", address.unwrap_or_default())
            .var("interface", interface.unwrap_or_default())
            .var("handover", if self.handover { "yes" } else { "no" })
            .var(
                "least",
                self.after.map(|at| at.to_string()).unwrap_or_default(),
            )
            .var(
                "promote",
                if place.major.caps().promotes_by_sql {
                    PROMOTE
                } else {
                    "'reached'"
                },
            )
            .var("replay", format!("{}()", names.replay_lsn))
            .var(
                "walfile",
                format!("{}({}())", names.walfile_name, names.current_lsn),
            )
            .var("waldump", names.waldump)
            .var("wal_directory", names.wal_directory)
            .timeout(Some(Duration::from_secs(1300)));
        command.gate = self.handover.then_some(SHUTDOWN);
        vec![command]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(address) = &self.address {
            moved(node, world, address, true);
        }
        // It forks off behind what it has: that is everything anybody has only where that is proven before.
        let proven = self.handover || self.after.is_some();
        let end = world
            .seen()
            .filter(|(other, _)| proven || *other == node)
            .filter_map(|(_, facts)| {
                let server = facts.server.as_ref();
                let known = server.and_then(|s| s.current.max(s.received).max(s.replayed));
                let stored = facts.data.control().map(|control| control.checkpoint);
                known.max(stored)
            })
            .max()
            .unwrap_or_default();
        let fork = Lsn(end.0 + 1);
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        let Some(server) = &mut facts.server else {
            return;
        };
        let (old, new) = (server.timeline, Timeline(server.timeline.0 + 1));
        server.in_recovery = false;
        server.timeline = new;
        server.current = Some(fork);
        server.received = None;
        server.replayed = None;
        server.receiver = None;
        predict::unmark(facts);
        let mut forks = facts
            .data
            .history
            .take()
            .map(|history| history.forks)
            .unwrap_or_default();
        forks.push((old, fork));
        facts.data.history = Some(History {
            of: new,
            forks,
            promoted: true,
        });
        if let Content::Instance(instance) = &mut facts.data.content
            && let Ok(control) = &mut instance.control
        {
            control.timeline = new;
            control.checkpoint = fork;
            control.redo = fork;
        }
    }
}
