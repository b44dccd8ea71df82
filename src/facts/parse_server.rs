//! From the JSON that a running server answered to [`Server`].

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde::Deserialize;

use super::clients::Client;
use super::server::{
    Archiver, FileError, LogicalSlot, Made, Receiver, Role, Sender, Server, Setting, Slot,
    StoredPassword,
};
use crate::facts::lines::Context;
use crate::postgres::verifier::{self, VerifierKind};
use crate::postgres::{
    ClusterState, ControlData, Lsn, ServerVersion, SystemId, Timeline, is_segment_size,
};

/// The JSON document a server answers with. No `Debug`: it holds a verifier.
#[derive(Deserialize)]
struct Answer {
    version: ServerVersion,
    in_recovery: bool,
    system_id: SystemId,
    timeline: Timeline,
    current: Option<Lsn>,
    received: Option<Lsn>,
    replayed: Option<Lsn>,
    paused: bool,
    replay_age_ms: Option<i64>,
    loaded_at: f64,
    started_at: Option<f64>,
    control: Option<Control>,
    settings: BTreeMap<String, Setting>,
    #[serde(default)]
    pending_restart: Vec<String>,
    conf_errors: Vec<FileError>,
    hba_errors: Vec<FileError>,
    role: Option<StoredRole>,
    slots: BTreeMap<String, Slot>,
    #[serde(default)]
    logical: BTreeMap<String, LogicalSlot>,
    senders: Vec<Sender>,
    receiver: Option<Receiver>,
    archiver: Option<Archiver>,
    #[serde(default)]
    locales: Vec<String>,
    made: Option<Made>,
    icu: Option<String>,
    #[serde(default)]
    clients: Vec<Client>,
    #[serde(default)]
    prepared: u64,
    oldest_transaction_ms: Option<i64>,
    #[serde(flatten)]
    sizes: Sizes,
}

/// What a server tells of its space, if that did not take too long.
#[derive(Default, Deserialize)]
struct Sizes {
    database_bytes: Option<u64>,
    #[serde(default)]
    tablespace_bytes: BTreeMap<String, u64>,
    wal_bytes: Option<u64>,
}

/// What the functions pg_control_… tell.
#[derive(Deserialize)]
struct Control {
    timeline: Timeline,
    checkpoint: Lsn,
    redo: Lsn,
    minimum_recovery_end: Lsn,
    minimum_recovery_timeline: Timeline,
    checksums: bool,
    wal_segment_size: u64,
}

/// What a server tells of other things than itself.
pub(super) struct Told {
    /// When it read its configuration last, in seconds since 1970.
    pub loaded_at: f64,
    /// When it was started, in seconds since 1970.
    pub started_at: Option<f64>,
    /// Its control file, as far as SQL shows it.
    pub control: Option<ControlData>,
}

#[derive(Deserialize)]
struct StoredRole {
    login: bool,
    replication: bool,
    superuser: bool,
    verifier: String,
}

pub(super) fn server(
    json: &str,
    sizes: Option<&str>,
    context: &Context,
) -> Result<(Server, Told), String> {
    // serde_json quotes what it does not understand; a verifier must not get into a message.
    let strange = |error: serde_json::Error| {
        format!(
            "the server's answer is not as expected, at column {}",
            error.column()
        )
    };
    let mut answer: Answer = serde_json::from_str(json).map_err(strange)?;
    if let Some(sizes) = sizes {
        answer.sizes = serde_json::from_str(sizes).map_err(strange)?;
    }
    // No server has others (manual, 27.2.6.1), and statements name them.
    let named = |name: &str| {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        !name.is_empty() && name.chars().all(letter)
    };
    answer.slots.retain(|name, _| named(name));
    answer.logical.retain(|name, _| named(name));
    let logs_hints = answer
        .settings
        .get("wal_log_hints")
        .is_some_and(|setting| setting.setting == "on");
    let sized = |control: &Control| is_segment_size(control.wal_segment_size);
    let control = answer.control.filter(sized).map(|control| ControlData {
        system_id: answer.system_id,
        state: if answer.in_recovery {
            ClusterState::InArchiveRecovery
        } else {
            ClusterState::InProduction
        },
        timeline: control.timeline,
        checkpoint: control.checkpoint,
        redo: control.redo,
        minimum_recovery_end: control.minimum_recovery_end,
        minimum_recovery_timeline: control.minimum_recovery_timeline,
        checksums: control.checksums,
        wal_log_hints: logs_hints,
        wal_segment_size: control.wal_segment_size,
        sensitive: BTreeMap::new(),
    });
    let role = answer.role.map(|role| Role {
        login: role.login,
        replication: role.replication,
        superuser: role.superuser,
        password: match context.password {
            _ if role.verifier.is_empty() => StoredPassword::None,
            None => StoredPassword::NotCompared,
            Some(password) => {
                match verifier::matches(&role.verifier, password.expose_secret(), context.user) {
                    Some(VerifierKind::Scram) => StoredPassword::SameScram,
                    Some(VerifierKind::Md5) => StoredPassword::SameMd5,
                    None => StoredPassword::Differs,
                }
            }
        },
    });
    let server = Server {
        version: answer.version,
        in_recovery: answer.in_recovery,
        system_id: answer.system_id,
        timeline: answer.timeline,
        current: answer.current,
        received: answer.received,
        replayed: answer.replayed,
        paused: answer.paused,
        replay_age_ms: answer.replay_age_ms.and_then(|ms| u64::try_from(ms).ok()),
        // postgresql.conf does not care how TimeZone is spelt, and neither do we.
        settings: answer
            .settings
            .into_iter()
            .map(|(name, setting)| (name.to_ascii_lowercase(), setting))
            .collect(),
        pending_restart: answer
            .pending_restart
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect(),
        conf_errors: answer.conf_errors,
        hba_errors: answer.hba_errors,
        role,
        locales: answer.locales,
        made: answer.made,
        icu: answer.icu,
        slots: answer.slots,
        logical_slots: answer.logical,
        senders: answer.senders,
        receiver: answer.receiver,
        archiver: answer.archiver,
        archive_waiting: None,
        clients: answer.clients,
        prepared: answer.prepared,
        oldest_transaction_ms: answer
            .oldest_transaction_ms
            .and_then(|ms| u64::try_from(ms).ok()),
        database_bytes: answer.sizes.database_bytes,
        tablespace_bytes: answer.sizes.tablespace_bytes,
        wal_bytes: answer.sizes.wal_bytes,
    };
    let told = Told {
        loaded_at: answer.loaded_at,
        started_at: answer.started_at,
        control,
    };
    Ok((server, told))
}
