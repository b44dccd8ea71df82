//! WHAT CAN BE DONE: one file per verb, each with its title, what it expects to find, its commands and its effect.

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::facts::{Facts, Observation};
use crate::inventory::NodeName;

pub mod access;
pub mod backup;
pub mod clients;
pub mod config;
pub mod data;
pub mod host;
pub mod place;
mod proof;
pub mod server;
mod told;

pub use access::firewall::{ClosePort, OpenPort};
pub use access::replication_role::EnsureRole;
pub use access::slot::{CreateSlot, DropSlot};
pub use access::try_login::TryLogin;
pub use access::wait_slots::WaitSlots;
pub use backup::drill::Drill;
pub use backup::mount::PrepareMount;
pub use backup::prove_archive::{Archived, SeeArchived, SwitchWal};
pub use backup::prune::Prune;
pub use backup::take_backup::TakeBackup;
pub use backup::timer::{DropTimer, SetTimer};
pub use backup::tool::{InstallTool, PrepareTool};
pub use backup::verify_backups::{VerifyBackups, VerifyWal};
pub use clients::address::{
    AddressPaths, DropAddress, DropAddressUnit, SetAddressUnit, TakeAddress,
};
pub use clients::health::{DropHealth, SetHealth};
pub use clients::point_pooler::PointPooler;
pub use clients::pooler::{Console, Edit, Gone, Led, Pause};
pub use clients::run_hook::RunHook;
pub use config::auto_conf::CleanAutoConf;
pub use config::write_file::{Check, PlannedText, WriteFile};
pub use config::write_pgpass::WritePgpass;
pub use data::base_backup::BaseBackup;
pub use data::carry_wal::{LONGEST_WAL, PlaceWal, ReadWal};
pub use data::drop_copy::{DropCopy, listing, removal, starting};
pub use data::fetch::Source;
pub use data::init_db::InitDb;
pub use data::mark_standby::MarkStandby;
pub use data::move_wal::{DropWal, MoveWal, PrepareWal};
pub use data::place_clone::PlaceClone;
pub use data::put_back::PutBack;
pub use data::recover::Recover;
pub use data::restore_copy::{RestoreCopy, copy_units};
pub use data::rewind::{GrantRewind, Rewind};
pub use data::set_aside::SetAside;
pub use data::unpack_backup::UnpackBackup;
pub use host::packages::InstallPackages;
pub use host::packages_update::{HoldPackages, UpdatePackages};
pub use place::Place;
pub use proof::{DropProof, ReadProof, WriteProof};
pub use server::checkpoint::Checkpoint;
pub use server::promote::Promote;
pub use server::register::Register;
pub use server::service::{Disable, Enable, Reload, Restart, Start, settle};
pub use server::stop::Stop;
pub use server::update_extensions::UpdateExtensions;
pub use server::wait::{WaitReplayed, WaitStreaming};
pub use told::told;

/// How a step shows in a plan and in its counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
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

    /// Tells of each place besides the data directory where it makes or renames something, one a line.
    fn places(&self) -> Vec<String> {
        Vec::new()
    }

    /// Tells how it shows in a plan.
    fn kind(&self) -> Mark;

    /// Tells whether doing it at the wrong moment could cost data: then the host is read again just before.
    fn is_delicate(&self) -> bool {
        false
    }

    /// Names the word of another step of its phase that must be told before it begins.
    fn awaits(&self) -> Option<&'static str> {
        None
    }

    /// Names the words that it tells other steps of its phase.
    fn tells(&self) -> &'static [&'static str] {
        &[]
    }

    /// Names the word of another step of its phase without which it waits in vain: once that is not told, it ends.
    fn in_vain_without(&self) -> Option<&'static str> {
        None
    }

    /// Names the other host without which what it waits for never comes: it is waited for only as long as that is there.
    fn waits_on<'a>(&'a self, _leader: &'a NodeName) -> Option<&'a NodeName> {
        None
    }

    /// Tells whether what follows is pointless where it fails; else the rest is done, and this is told at the end.
    fn holds_up(&self) -> bool {
        true
    }

    /// Tells whether the host is held while it works, so that a later run waits for it. What only looks or waits holds
    /// nothing, nor does long work that has a name of its own by which it is found and joined.
    fn holds_host(&self) -> bool {
        true
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

/// Names a server by its unit; where commands start it, it has none.
fn server_of(unit: &str) -> &str {
    match unit.trim_end_matches(".service") {
        "" => "the server",
        unit => unit,
    }
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
    /// Point a pooler to the primary.
    PointPooler,
    /// Run a command of the inventory.
    RunHook,
    /// Give the primary's host its address.
    TakeAddress,
    /// Take it away from a host.
    DropAddress,
    /// Set up what adds it at boot.
    SetAddressUnit,
    /// Remove that.
    DropAddressUnit,
    /// Set up the port that tells balancers what a server is.
    SetHealth,
    /// Remove it.
    DropHealth,
    /// Install PostgreSQL's packages.
    InstallPackages,
    /// Keep packages as they are, or give them free.
    HoldPackages,
    /// Install another minor version.
    UpdatePackages,
    /// Bring an extension to the version that is installed.
    UpdateExtensions,
    /// Let addresses in to PostgreSQL's port.
    OpenPort,
    /// Take such rules away.
    ClosePort,
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
    /// Make the cluster's place on the backup mount.
    PrepareMount,
    /// Create or change the replication role.
    EnsureRole,
    /// Create a replication slot.
    CreateSlot,
    /// Drop a replication slot.
    DropSlot,
    /// Wait for logical slots on a standby.
    WaitSlots,
    /// Copy the data directory from another server into staging.
    BaseBackup,
    /// Unpack a backup into staging.
    UnpackBackup,
    /// Let a restored server recover to its target.
    Recover,
    /// Restore a backup beside everything else.
    RestoreCopy,
    /// Remove it.
    DropCopy,
    /// End a WAL segment.
    SwitchWal,
    /// See it in the archive.
    SeeArchived,
    /// Verify backups.
    VerifyBackups,
    /// Restore a backup for trial.
    Drill,
    /// Set up the timer that takes backups.
    SetTimer,
    /// Remove it.
    DropTimer,
    /// Verify archived WAL.
    VerifyWal,
    /// Remove backups and WAL that are not needed any more.
    Prune,
    /// Take a backup onto the mount.
    TakeBackup,
    /// Install a backup engine's packages.
    InstallTool,
    /// Make its repository.
    PrepareTool,
    /// Rename a complete copy to the data directory.
    PlaceClone,
    /// Rename a data directory out of the way.
    SetAside,
    /// Put it back.
    PutBack,
    /// Make the place where WAL moves.
    PrepareWal,
    /// Move WAL there.
    MoveWal,
    /// Remove what it was before.
    DropWal,
    /// Bring a diverged instance back.
    Rewind,
    /// Give the replication role what pg_rewind needs.
    GrantRewind,
    /// Enable the service at boot.
    Enable,
    /// Keep the service from starting.
    Disable,
    /// Start the server.
    Start,
    /// Stop the server.
    Stop,
    /// Promote a standby.
    Promote,
    /// Read the last WAL of a stopped primary.
    ReadWal,
    /// Give it to a standby.
    PlaceWal,
    /// Write a checkpoint.
    Checkpoint,
    /// Log in to another server for replication.
    TryLogin,
    /// Make a stopped instance a standby.
    MarkStandby,
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
