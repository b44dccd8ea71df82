//! WHAT CAN BE DONE: one file per verb, each with its title, what it expects to find, its commands and its effect.

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::facts::{Facts, Observation};
use crate::inventory::NodeName;

mod auto_conf;
mod base_backup;
mod init_db;
mod packages;
pub mod place;
pub mod place_clone;
mod proof;
mod register;
mod replication_role;
mod service;
mod set_aside;
mod slot;
mod wait;
mod write_file;
mod write_pgpass;

pub use auto_conf::CleanAutoConf;
pub use base_backup::BaseBackup;
pub use init_db::InitDb;
pub use packages::InstallPackages;
pub use place::Place;
pub use place_clone::PlaceClone;
pub use proof::{DropProof, ReadProof, WriteProof};
pub use register::Register;
pub use replication_role::EnsureRole;
pub use service::{Enable, Reload, Restart, Start, settle};
pub use set_aside::SetAside;
pub use slot::{CreateSlot, DropSlot};
pub use wait::{WaitReplayed, WaitStreaming};
pub use write_file::{Check, Text, WriteFile};
pub use write_pgpass::WritePgpass;

/// How a step shows in a plan and in its counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `+`: something new.
    Add,
    /// `~`: something changes.
    Change,
    /// `-`: something goes.
    Remove,
    /// `!`: something is replaced and the old one set aside.
    Replace,
    /// No mark: a consequence of others (reload, wait).
    Follow,
}

/// Whether a host is as an action expects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It may go on.
    Ready,
    /// The host is already as the action would leave it.
    AlreadyDone,
    /// It must not: the host is not as planned.
    Mismatch {
        /// What the plan expects.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// What every verb can say of itself.
pub trait Act {
    /// Names it before it is done: "base backup from server1".
    fn title(&self) -> String;

    /// Names it once it is done: "base backup from server1, 41.2 GB".
    fn done(&self) -> String {
        self.title()
    }

    /// Tells how it shows in a plan.
    fn kind(&self) -> Kind;

    /// Tells whether doing it at the wrong moment could cost data: then the host is read again just before.
    fn is_delicate(&self) -> bool {
        false
    }

    /// Compares what it expects with what was just seen.
    fn expects(&self, _facts: &Facts) -> Readiness {
        Readiness::Ready
    }

    /// Gives its commands for one place, in order, without running them.
    fn commands(&self, place: &Place) -> Vec<Command>;

    /// Changes an observation into what it will be once this is done on `node`.
    fn effect(&self, node: &NodeName, world: &mut Observation);
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Everything pgrepl can do on a host.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "action", rename_all = "snake_case")]
        pub enum Action {
            $($(#[$doc])* $name($name)),+
        }

        impl Action {
            /// Returns the verb's own view of itself.
            pub fn act(&self) -> &dyn Act {
                match self {
                    $(Action::$name(inner) => inner),+
                }
            }
        }

        $(impl From<$name> for Action {
            fn from(inner: $name) -> Self {
                Action::$name(inner)
            }
        })+
    };
}

actions! {
    /// Install PostgreSQL's packages.
    InstallPackages,
    /// Create an empty instance.
    InitDb,
    /// Make the instance known to the platform's service manager.
    Register,
    /// Write a configuration file.
    WriteFile,
    /// Write the cluster's lines of .pgpass.
    WritePgpass,
    /// Take settings out of postgresql.auto.conf.
    CleanAutoConf,
    /// Create or change the replication role.
    EnsureRole,
    /// Create a replication slot.
    CreateSlot,
    /// Drop a replication slot.
    DropSlot,
    /// Copy the data directory from another server into staging.
    BaseBackup,
    /// Rename a complete copy to the data directory.
    PlaceClone,
    /// Rename a data directory out of the way.
    SetAside,
    /// Enable the service at boot.
    Enable,
    /// Start the server.
    Start,
    /// Restart the server.
    Restart,
    /// Reload its configuration.
    Reload,
    /// Wait until a standby streams from this server and has caught up.
    WaitStreaming,
    /// Wait until a standby has replayed a change of parameters.
    WaitReplayed,
    /// Commit a row that shows replication.
    WriteProof,
    /// Read that row.
    ReadProof,
    /// Take it away.
    DropProof,
}
