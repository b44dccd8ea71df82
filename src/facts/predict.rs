//! What a server will look like once it has read its files: the half of `effect` that several actions share.

use std::collections::BTreeMap;

use super::instance::Instance;
use super::server::{Server, Setting, Slot};
use super::{Content, Facts, FileFact, Marker, Process, RECOVERY_CONF};
use crate::postgres::{
    ClusterState, ControlData, Lsn, Major, ServerVersion, SystemId, Timeline, conf, parameters,
};

/// Returns an instance that does not exist yet, with WAL segments of so many megabytes; its identifier is 0 until a server has
/// one.
pub fn new_instance(checksums: bool, segment: u32) -> Content {
    Content::Instance(Box::new(Instance {
        version: String::new(),
        control: Ok(ControlData {
            system_id: SystemId(0),
            state: ClusterState::ShutDown,
            timeline: Timeline(1),
            checkpoint: Lsn(0),
            redo: Lsn(0),
            minimum_recovery_end: Lsn(0),
            minimum_recovery_timeline: Timeline(0),
            checksums,
            wal_log_hints: false,
            wal_segment_size: u64::from(segment) << 20,
            sensitive: BTreeMap::new(),
        }),
    }))
}

/// Makes an instance start as a standby, or with a recovery, by this file.
pub fn mark(facts: &mut Facts, marker: &Marker, standby: bool) {
    facts.data.signals.standby = standby;
    facts.data.signals.recovery = !standby;
    facts.data.signals.recovery_conf = marker.is_recovery_conf();
    if marker.is_recovery_conf() {
        let file = FileFact {
            digest: super::digest(&marker.text),
            owner: String::new(),
            group: String::new(),
            mode: "600".into(),
            content: Some(marker.text.clone()),
            unloaded: false,
        };
        facts.files.insert(recovery_conf(facts), file);
    }
}

/// Makes an instance start as a primary: what marked it is gone.
pub fn unmark(facts: &mut Facts) {
    facts.data.signals.standby = false;
    facts.data.signals.recovery = false;
    facts.data.signals.recovery_conf = false;
    facts.files.remove(&recovery_conf(facts));
}

fn recovery_conf(facts: &Facts) -> String {
    format!("{}/{RECOVERY_CONF}", facts.data.path)
}

/// Gives a host files of root's: path, text, mode.
pub fn put_root_files(facts: &mut Facts, files: &[(&String, &str, &str)]) {
    for (path, text, mode) in files {
        let file = FileFact {
            digest: super::digest(text),
            owner: "root".into(),
            group: "root".into(),
            mode: (*mode).to_owned(),
            content: Some((*text).to_owned()),
            unloaded: false,
        };
        facts.files.insert((*path).clone(), file);
    }
}

/// Makes a stopped server run with the files it has.
pub fn start(facts: &mut Facts) {
    let control = facts.data.control().cloned();
    facts.process = Process::Running;
    facts.data.signals.backup_label = false;
    facts.replaced.clear();
    facts.server = Some(Server {
        pending_restart: Vec::new(),
        version: facts.packages.server.unwrap_or(ServerVersion(0)),
        in_recovery: facts.data.signals.standby,
        system_id: control.as_ref().map_or(SystemId(0), |c| c.system_id),
        timeline: control.as_ref().map_or(Timeline(1), |c| c.timeline),
        current: None,
        received: None,
        replayed: None,
        paused: false,
        replay_age_ms: None,
        settings: BTreeMap::new(),
        conf_errors: Vec::new(),
        hba_errors: Vec::new(),
        role: None,
        slots: facts
            .data
            .slots
            .iter()
            .map(|name| (name.clone(), Slot::idle()))
            .collect(),
        logical_slots: BTreeMap::new(),
        locales: Vec::new(),
        made: None,
        icu: None,
        senders: Vec::new(),
        receiver: None,
        archiver: None,
        archive_waiting: None,
        clients: Vec::new(),
        prepared: 0,
        oldest_transaction_ms: None,
        database_bytes: None,
        tablespace_bytes: BTreeMap::new(),
        wal_bytes: None,
    });
    load(facts, true);
}

/// Makes a running server load its files; only a restart changes the parameters of the postmaster.
pub fn load(facts: &mut Facts, restart: bool) {
    let mut wanted = BTreeMap::new();
    let mut main = String::new();
    for (path, file) in &mut facts.files {
        file.unloaded = false;
        let last = path.ends_with("/postgresql.auto.conf");
        if path.ends_with("/postgresql.conf") {
            main.clone_from(path);
        }
        if path.ends_with("/postgresql.conf") || last {
            for (name, value) in conf::settings(file.content.as_deref().unwrap_or_default()) {
                // postgresql.auto.conf is read last, whatever its path.
                wanted.insert((last, name), value);
            }
        }
    }
    let data = facts.data.signals;
    let Some(server) = facts.server.as_mut() else {
        return;
    };
    if restart {
        facts.replaced.clear();
        server.version = facts.packages.server.unwrap_or(server.version);
        server.in_recovery = data.standby || server.in_recovery && data.recovery;
        server.senders.clear();
    }
    let major = Major::all().find(|major| server.version.is(*major));
    // What no file says any more goes back to its built-in value.
    for setting in server.settings.values_mut() {
        if setting.sourcefile.as_deref() == Some(main.as_str())
            && (restart || setting.context != "postmaster")
        {
            setting.setting = setting.boot_val.clone().unwrap_or_default();
            setting.source = "default".into();
            setting.sourcefile = None;
        }
    }
    for ((auto, name), value) in wanted {
        let known = major.and_then(|major| parameters::lookup(major, &name));
        let context = known.map_or("sighup", |parameter| parameter.context);
        let setting = server.settings.entry(name).or_insert_with(|| Setting {
            setting: String::new(),
            unit: None,
            vartype: "string".into(),
            context: context.into(),
            source: String::new(),
            sourcefile: None,
            boot_val: None,
        });
        if restart || setting.context != "postmaster" {
            setting.setting = value;
            setting.source = "configuration file".into();
            setting.sourcefile = Some(if auto {
                "postgresql.auto.conf".into()
            } else {
                main.clone()
            });
        }
    }
}
