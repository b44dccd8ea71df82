//! Creates an empty instance.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::data::fetch::vacant;
use crate::action::{Act, Mark, Place, Readiness};
use crate::command::Command;
use crate::facts::{Facts, Observation, predict};
use crate::inventory::NodeName;
use crate::platform::Keeper;
use crate::script::script;

const SCRIPT: &str =
    script!(["register_start_conf.sh", "places.sh", "exchange.sh", "staging.sh"] "init_db.sh");

const UNIT: &str = script!(["boot_unit.sh", "register_unit.sh", "places.sh", "exchange.sh", "staging.sh"] "init_db.sh");

/// Creates an empty instance where no host has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitDb {
    /// Where.
    pub data_directory: String,
    /// Whether pages get checksums.
    pub checksums: bool,
    /// The locale of its databases, if that is not the host's to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Their encoding, if that is not the locale's to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// initdb's options for a provider of locales.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider: Vec<String>,
    /// The size of a WAL segment in megabytes, if it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal_segment_size: Option<u32>,
    /// Whether the group of the service user may read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub group_access: bool,
    /// Where its WAL goes, if that is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal: Option<String>,
    /// The places that the inventory names: others root neither makes nor gives away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
}

impl InitDb {
    /// Returns the options that are written as they are.
    fn options(&self) -> Vec<String> {
        let segments = self.wal_segment_size.iter();
        let segments = segments.map(|size| format!("--wal-segsize={size}"));
        let group = self.group_access.then(|| "--allow-group-access".to_owned());
        let provider = self.provider.iter().cloned();
        provider.chain(segments).chain(group).collect()
    }
}

impl Act for InitDb {
    fn title(&self) -> String {
        let mut title = format!("new database cluster in {}", self.data_directory);
        title += match self.checksums {
            true => ", with data checksums",
            false => ", without data checksums",
        };
        let said = [("locale", &self.locale), ("encoding", &self.encoding)];
        for (name, value) in said {
            title.extend(value.iter().map(|value| format!(", {name} {value}")));
        }
        let options = self.options();
        let provider = options.iter().map(|option| option.trim_start_matches('-'));
        title.extend(provider.map(|option| format!(", {}", option.replace('=', " "))));
        title
    }

    fn places(&self) -> Vec<String> {
        let wal = self.wal.iter();
        wal.map(|wal| format!("WAL in {wal}")).collect()
    }

    fn done(&self) -> String {
        "database cluster created".into()
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        vacant(facts)
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let script = match place.platform.keeper {
            Keeper::StartConf => SCRIPT,
            Keeper::PackagedUnit | Keeper::Owner => UNIT,
        };
        vec![
            place
                .command("create the database cluster", script)
                .var("locale", self.locale.as_deref().unwrap_or_default())
                .var("encoding", self.encoding.as_deref().unwrap_or_default())
                .var("options", {
                    let mut options = self.options();
                    if self.checksums {
                        options.push("--data-checksums".into());
                    } else if place.major.caps().checksums_by_default {
                        options.push("--no-data-checksums".into());
                    }
                    options.join(" ")
                })
                .var("staging", place.staging())
                .var("wal_place", self.wal.as_deref().unwrap_or_default())
                .var("named", self.named.join("\n"))
                .timeout(Some(Duration::from_secs(300))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.data.content =
                predict::new_instance(self.checksums, self.wal_segment_size.unwrap_or(16));
            facts.data.layout.lost_found_closed = false;
            if self.wal.is_some() {
                facts.data.wal_link.clone_from(&self.wal);
            }
            facts.service.registered = true;
            facts.service.enabled = true;
            facts.service.start = "auto".into();
        }
    }
}
