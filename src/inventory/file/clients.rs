//! What makes clients follow the primary.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Key, May, Need, Port, Ssh};
use crate::inventory::at::At;
use crate::inventory::words::{AbsolutePath, HostName, Login, PoolDatabase, Text};

section! {
    /// What makes clients follow the primary.
    Clients {
        /// The PgBouncers in front of the servers: paused while the primary changes, and pointed to the new one.
        #[schemars(example = json!([{ "host": "pool1", "databases": ["shop"] }]))]
        pgbouncer: May<Vec<At<Pgbouncer>>>,
    }
}

section! {
    /// A PgBouncer in front of the servers. Its installation and its configuration are its owner's: of that, the `host=` and
    /// `port=` of these databases are pgrepl's.
    Pgbouncer {
        /// The host it runs on: an SSH destination, one of the servers or another one.
        #[schemars(example = json!("pool1"))]
        host: Need<HostName>,
        /// The names in its [databases] section that lead to the primary; `*` for the one that stands for all others.
        #[schemars(example = json!(["shop"]))]
        databases: Need<Vec<At<PoolDatabase>>>,
        /// Its configuration file.
        #[schemars(example = json!("/etc/pgbouncer/pgbouncer.ini"), extend("default" = "/etc/pgbouncer/pgbouncer.ini"))]
        config_file: May<AbsolutePath>,
        /// How its admin console is reached; over its socket, as whom it runs as, if nothing is said.
        admin: May<PoolAdmin>,
        /// What differs from `ssh` of the inventory, where it runs on a host of its own.
        ssh: May<Ssh>,
    }
}

section! {
    /// How the admin console of a PgBouncer is reached, by the user whom it runs as; a password comes from that user's .pgpass.
    PoolAdmin {
        /// Who logs in to it; PgBouncer lets `pgbouncer` in over its socket without a password.
        #[schemars(example = json!("pgbouncer"), extend("default" = "pgbouncer"))]
        user: May<Login>,
        /// The directory of its socket, or an address; its own `unix_socket_dir` if it is not said.
        #[schemars(example = json!("/var/run/postgresql"))]
        host: May<Text>,
        /// Its port; its own `listen_port` if it is not said.
        #[schemars(example = json!(6432))]
        port: May<Port>,
    }
}
