//! From the JSON that a running server answered to [`Server`].

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde::Deserialize;

use super::parse::Context;
use super::server::{
    Archiver, FileError, Receiver, Role, Sender, Server, Setting, Slot, StoredPassword,
};
use crate::postgres::verifier::{self, Kind};
use crate::postgres::{Lsn, ServerVersion, SystemId, Timeline};

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
    settings: BTreeMap<String, Setting>,
    conf_errors: Vec<FileError>,
    hba_errors: Vec<FileError>,
    role: Option<StoredRole>,
    slots: BTreeMap<String, Slot>,
    logical_slots: Vec<String>,
    senders: Vec<Sender>,
    receiver: Option<Receiver>,
    archiver: Option<Archiver>,
    database_bytes: u64,
}

#[derive(Deserialize)]
struct StoredRole {
    login: bool,
    replication: bool,
    superuser: bool,
    verifier: String,
}

pub(super) fn server(json: &str, context: &Context) -> Result<(Server, f64), String> {
    // serde_json quotes what it does not understand; a verifier must not get into a message.
    let answer: Answer = serde_json::from_str(json).map_err(|error| {
        format!(
            "the server's answer is not as expected, at column {}",
            error.column()
        )
    })?;
    let role = answer.role.map(|role| Role {
        login: role.login,
        replication: role.replication,
        superuser: role.superuser,
        password: match context.password {
            _ if role.verifier.is_empty() => StoredPassword::None,
            None => StoredPassword::NotCompared,
            Some(password) => {
                match verifier::matches(&role.verifier, password.expose_secret(), context.user) {
                    Some(Kind::Scram) => StoredPassword::SameScram,
                    Some(Kind::Md5) => StoredPassword::SameMd5,
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
        conf_errors: answer.conf_errors,
        hba_errors: answer.hba_errors,
        role,
        slots: answer.slots,
        logical_slots: answer.logical_slots,
        senders: answer.senders,
        receiver: answer.receiver,
        archiver: answer.archiver,
        archive_waiting: None,
        database_bytes: answer.database_bytes,
    };
    Ok((server, answer.loaded_at))
}
