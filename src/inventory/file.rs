//! The shape of an inventory: every key, once. The reader, the schema, the reference and the writer come from it.

use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

use super::at::{At, Key, Named, Number};
use super::words::{
    AbsolutePath, Address, CalendarExpression, ClusterName, ConfigFile, Delay, EnvironmentName,
    HbaLine, HostName, IdentityFile, Instance, InterfaceName, Jump, ListenAddresses, Login, Minor,
    ParameterName, ParameterValue, RoleName, ServiceUser, TablespacePath, Text, UnitName, Version,
};
use super::{BackupFrom, BackupTool, Become, Firewall, KnownHosts, Unmanaged};

/// The version that a new inventory has if nobody says otherwise.
pub const USUAL_VERSION: &str = "17";

/// A TCP port.
pub type Port = Number<1, 65535>;

/// How many backups, or days of them.
pub type Many = Number<1, 10_000>;

/// A key that must be there.
pub type Need<T> = At<T>;

/// A key that may be left out.
pub type May<T> = Option<At<T>>;

/// Declares a mapping; what is left out is not written either.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $( $(#[$doc:meta])* $key:ident: $type:ty, )* }) => {
        #[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        pub struct $name { $(
            $(#[$doc])*
            #[serde(skip_serializing_if = "Key::absent")]
            pub $key: $type,
        )* }
    };
}

mod clients;

pub use clients::{ClientAddress, Clients, Health, Hook, Hooks, Pgbouncer, PoolAdmin, SHORT};

/// Declares mappings that have some keys in common, and the mapping of those keys alone.
macro_rules! sections {
    (common $keys:tt $( $(#[$meta:meta])* $name:ident $own:tt )*) => {
        $( sections! { @with $keys $(#[$meta])* $name $own } )*
    };
    (@with { $( $(#[$doc:meta])* $key:ident: $type:ty, )* } $(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        section! { $(#[$meta])* $name { $($own)* $( $(#[$doc])* $key: $type, )* } }

        impl $name {
            /// Returns what can be said for every host and for one.
            pub fn common(&self) -> Common {
                #[allow(clippy::needless_update)]
                Common { $( $key: self.$key.clone(), )* ..Common::default() }
            }

            /// Replaces what can be said for every host and for one.
            pub fn say(&mut self, common: Common) {
                $( self.$key = common.$key; )*
            }
        }
    };
}

mod initdb;

pub use initdb::Initdb;

section! {
    /// A set of PostgreSQL servers: a primary, its standbys and the mount their backups live on.
    #[schemars(title = "pgrepl inventory")]
    File {
        /// Names what pgrepl leaves on hosts.
        #[schemars(example = json!("shop"))]
        cluster: Need<ClusterName>,
        /// How pgrepl logs in to the hosts; what is not said here is left to the user's own SSH configuration.
        #[schemars(example = json!({ "user": "admin" }))]
        ssh: May<Ssh>,
        /// How to become root on a host; never with a password.
        #[schemars(extend("default" = "sudo"))]
        r#become: May<Become>,
        /// PostgreSQL itself, alike on every host.
        #[schemars(example = json!({ "version": 16 }))]
        postgresql: Need<Postgresql>,
        /// How the standbys replicate.
        #[schemars(example = json!({ "password": { "env": "REPLICATION_PASSWORD" } }))]
        replication: Need<Replication>,
        /// The host that is initialised first, and the one that is to lead: an SSH destination.
        #[schemars(example = json!("server1"))]
        primary: Need<HostName>,
        /// The other hosts: SSH destinations.
        #[schemars(example = json!(["server2"]))]
        standbys: May<Vec<At<HostName>>>,
        /// Where a host differs from the others, by its name.
        #[schemars(example = json!({ "server2": { "address": "10.0.0.12" } }))]
        hosts: May<Named<HostName, Host>>,
        /// Where backups go, and when.
        #[schemars(example = json!({ "mount": "/mnt/backups" }))]
        backup: May<Backup>,
        /// What makes clients follow the primary.
        #[schemars(example = json!({ "pgbouncer": [{ "host": "pool1", "databases": ["shop"] }] }))]
        clients: May<Clients>,
        /// A directory whose files replace the built-in templates of the same name, relative to the inventory.
        #[schemars(example = json!("templates"))]
        templates: May<Text>,
    }
}

section! {
    /// How pgrepl logs in to a host.
    Ssh {
        /// The login name.
        #[schemars(example = json!("admin"))]
        user: May<Login>,
        /// The TCP port of sshd.
        #[schemars(example = json!(22))]
        port: May<Port>,
        /// The private key.
        #[schemars(example = json!("~/.ssh/id_ed25519"))]
        identity_file: May<IdentityFile>,
        /// Jump hosts, as for `ssh -J`.
        #[schemars(example = json!("bastion"))]
        jump: May<Jump>,
        /// A client configuration in place of the user's.
        #[schemars(example = json!("/etc/pgrepl/ssh_config"))]
        config_file: May<ConfigFile>,
        /// What to do with a host key never seen before: refuse it, or remember it.
        #[schemars(extend("default" = "strict"))]
        known_hosts: May<KnownHosts>,
    }
}

sections! {
    common {
        /// The TCP port of PostgreSQL.
        #[schemars(example = json!(5432), extend("default" = 5432))]
        port: May<Port>,
        /// The server's name at its service manager, where a host has several: the `main` of `15/main`.
        #[schemars(example = json!("main"), extend("default" = "main"))]
        instance: May<Instance>,
        /// PostgreSQL's listen_addresses.
        #[schemars(example = json!("*"), extend("default" = "*"))]
        listen_addresses: May<ListenAddresses>,
        /// The data directory, if it is not the one of the packages.
        #[schemars(example = json!("/srv/postgresql/data"))]
        data_directory: May<AbsolutePath>,
        /// The WAL directory, if it is not in the data directory. It is made where it is missing. The WAL of a standby moves there by `apply`, that of a primary once another server leads.
        #[schemars(example = json!("/wal/main"))]
        wal_directory: May<AbsolutePath>,
        /// Where a PostgreSQL lives that no known package put there; `data_directory` stands beside it.
        platform: May<Platform>,
        /// PostgreSQL's own parameters.
        #[schemars(example = json!({ "shared_buffers": "1GB" }))]
        parameters: May<Named<ParameterName, ParameterValue>>,
        /// pg_hba.conf rules.
        #[schemars(example = json!(["host shop shop_app 10.0.0.0/24 scram-sha-256"]))]
        hba: May<Vec<At<HbaLine>>>,
    }

    /// PostgreSQL itself, alike on every host.
    Postgresql {
        /// The major version of every server.
        #[schemars(example = json!(16))]
        version: Need<Version>,
        /// The minor version to which `pgrepl update` brings every server; without it the newest that is offered.
        #[schemars(example = json!("16.15"))]
        minor: May<Minor>,
        /// How a new database cluster is made. One that is there stays as it is: where it differs, that is told.
        #[schemars(example = json!({ "locale": "de_DE.UTF-8" }))]
        initdb: May<Initdb>,
        /// Whether settings and rules that pgrepl did not write stay.
        #[schemars(extend("default" = "keep"))]
        unmanaged: May<Unmanaged>,
        /// Whether packages may be installed.
        #[schemars(extend("default" = true))]
        install: May<Truth>,
        /// Whether the host's firewall lets in the servers of the cluster, or the world; off leaves it alone.
        #[schemars(extend("default" = "auto"))]
        firewall: May<Firewall>,
    }

    /// Where a host differs from the others.
    Host {
        /// How the other servers reach it, if not by its name.
        #[schemars(example = json!("10.0.0.12"))]
        address: May<Address>,
        /// The host it replicates from, if not the primary.
        #[schemars(example = json!("server2"))]
        upstream: May<HostName>,
        /// How long it waits before it replays a commit, as in 1h.
        #[schemars(example = json!("1h"))]
        apply_delay: May<Delay>,
        /// Where its tablespaces are, by where they are on the other hosts. A place that stands here is made where it is missing.
        #[schemars(example = json!({ "/srv/fast": "/mnt/ssd" }))]
        tablespaces: May<Named<TablespacePath, TablespacePath>>,
        /// The network interface that `clients.address` goes on there, if it is another one.
        #[schemars(example = json!("ens3"))]
        interface: May<InterfaceName>,
        /// What differs from `ssh` of the inventory.
        ssh: May<Ssh>,
    }

    /// What can be said for every host and for one.
    Common {}
}

section! {
    /// Where a PostgreSQL lives that no known package put there, and what starts it: a unit, or two commands.
    #[schemars(extend("oneOf" = [
        { "required": ["unit"], "not": { "anyOf": [{ "required": ["start"] }, { "required": ["stop"] }] } },
        { "required": ["start", "stop"], "not": { "required": ["unit"] } },
    ]))]
    Platform {
        /// The directory of postgres, psql and the others.
        #[schemars(example = json!("/opt/postgresql/bin"))]
        bindir: Need<AbsolutePath>,
        /// The service user's home, for its .pgpass.
        #[schemars(example = json!("/var/lib/postgresql"))]
        home: Need<AbsolutePath>,
        /// The service user, its group, and the superuser of a new instance.
        #[schemars(example = json!("postgres"), extend("default" = "postgres"))]
        user: May<ServiceUser>,
        /// The directory of postgresql.conf; the data directory if it is not said.
        #[schemars(example = json!("/etc/postgresql-shop"))]
        config_directory: May<AbsolutePath>,
        /// The directory of the local socket.
        #[schemars(example = json!("/tmp"), extend("default" = "/tmp"))]
        socket_directory: May<AbsolutePath>,
        /// The directory of the log; log in the data directory if it is not said.
        #[schemars(example = json!("/var/log/postgresql"))]
        log_directory: May<AbsolutePath>,
        /// The systemd unit that runs it.
        #[schemars(example = json!("postgresql.service"))]
        unit: May<UnitName>,
        /// Where no unit does: the shell command that starts it, as root.
        #[schemars(example = json!("/etc/rc.d/postgresql start"))]
        start: May<Text>,
        /// Where no unit does: the shell command that stops it in fast mode, as root.
        #[schemars(example = json!("/etc/rc.d/postgresql stop"))]
        stop: May<Text>,
    }
}

section! {
    /// How the standbys replicate.
    Replication {
        /// The replication role.
        #[schemars(example = json!("replicator"), extend("default" = "replicator"))]
        user: May<RoleName>,
        /// Where the role's password comes from; the password itself never stands here.
        #[schemars(
            example = json!({ "env": "REPLICATION_PASSWORD" }),
            example = json!({ "file": "replication.password" }),
            example = json!({ "command": "pass show replication" }),
        )]
        password: Need<Password>,
        /// Whether each standby has a slot on its upstream.
        #[schemars(extend("default" = true))]
        slots: May<Truth>,
        /// How many standbys must confirm a commit.
        #[schemars(example = json!(1), extend("default" = 0))]
        synchronous: May<Number<0, 100>>,
        /// libpq's sslmode for standbys.
        #[schemars(extend("default" = "prefer"))]
        sslmode: May<SslMode>,
    }
}

section! {
    /// Where backups go, and when.
    Backup {
        /// The mount point, on every host.
        #[schemars(example = json!("/mnt/backups"))]
        mount: Need<AbsolutePath>,
        /// What takes them.
        #[schemars(extend("default" = "basebackup"))]
        tool: May<BackupTool>,
        /// How many are kept; 7 if it is not said.
        #[schemars(example = json!({ "count": 7 }), example = json!({ "days": 30 }))]
        keep: May<Keep>,
        /// When they are taken: a systemd calendar expression, as in 02:30.
        #[schemars(example = json!("02:30"))]
        schedule: May<CalendarExpression>,
        /// On which kind of host they are taken: a standby if there is one, or the primary.
        #[schemars(extend("default" = "standby"))]
        from: May<BackupFrom>,
    }
}

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Password {
    /// An environment variable.
    Env(At<EnvironmentName>),
    /// The first line of a file, relative to the inventory.
    File(At<Text>),
    /// The first line that a shell command prints.
    Command(At<Text>),
}

/// How many backups are kept.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The newest ones.
    Count(At<Many>),
    /// Those younger than this many days.
    Days(At<Many>),
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Password::Env(name) => serializer.collect_map([("env", name)]),
            Password::File(path) => serializer.collect_map([("file", path)]),
            Password::Command(command) => serializer.collect_map([("command", command)]),
        }
    }
}

impl Serialize for Keep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Keep::Count(many) => serializer.collect_map([("count", many)]),
            Keep::Days(many) => serializer.collect_map([("days", many)]),
        }
    }
}

/// libpq's sslmode.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// No encryption.
    Disable,
    /// Encryption if the server insists.
    Allow,
    /// Encryption if the server offers it.
    Prefer,
    /// Encryption always.
    Require,
    /// Encryption and a certificate that is checked.
    VerifyCa,
    /// Encryption, a certificate that is checked, and its host name.
    VerifyFull,
}

impl SslMode {
    /// Reads libpq's word.
    pub fn from_libpq(word: &str) -> Option<Self> {
        let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
            serde::de::IntoDeserializer::into_deserializer(word);
        Self::deserialize(word).ok()
    }

    /// Returns libpq's word.
    pub fn as_str(self) -> &'static str {
        match self {
            SslMode::Disable => "disable",
            SslMode::Allow => "allow",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyCa => "verify-ca",
            SslMode::VerifyFull => "verify-full",
        }
    }
}

/// A truth value, as YAML of any version writes it.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(from = "bool")]
pub struct Truth(pub bool);

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        Self(truth)
    }
}

impl JsonSchema for Truth {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Truth".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        json_schema!({ "enum": [true, false, "yes", "no", "on", "off"] })
    }
}
