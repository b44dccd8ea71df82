//! What makes clients follow the primary.

use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Key, May, Need, Port, Ssh};
use crate::inventory::at::{At, Number};
use crate::inventory::words::{
    AbsolutePath, HostName, InterfaceName, Login, PoolDatabase, PrefixedAddress, Text,
};

section! {
    /// What makes clients follow the primary.
    Clients {
        /// The PgBouncers in front of the servers: paused while the primary changes, and pointed to the new one.
        #[schemars(example = json!([{ "host": "pool1", "databases": ["shop"] }]))]
        pgbouncer: May<Vec<At<Pgbouncer>>>,
        /// An address that the primary alone holds, whichever server that is.
        #[schemars(example = json!({ "ip": "10.0.0.10/24", "interface": "eth0" }))]
        address: May<ClientAddress>,
        /// A port on every server that tells balancers over HTTP whether it is the primary.
        #[schemars(example = json!({ "port": 8008 }))]
        health: May<Health>,
        /// Commands that run while the primary changes.
        #[schemars(example = json!({ "after_promote": ["./tell-dns"] }))]
        hooks: May<Hooks>,
    }
}

section! {
    /// An address that the primary alone holds: taken away from one server before another one has it, and set up at boot only
    /// where the server is no standby and nobody else answers for it. Nothing else may configure it on a host.
    ClientAddress {
        /// The address with the length of its network's prefix, IPv4 or IPv6.
        #[schemars(example = json!("10.0.0.10/24"))]
        ip: Need<PrefixedAddress>,
        /// The network interface that it goes on; `hosts.NAME.interface` is for a host that calls it otherwise.
        #[schemars(example = json!("eth0"))]
        interface: Need<InterfaceName>,
    }
}

section! {
    /// A port on every server that tells balancers over HTTP whether it is the primary.
    Health {
        /// The TCP port.
        #[schemars(example = json!(8008), extend("default" = 8008))]
        port: May<Port>,
    }
}

section! {
    /// Commands that run while the primary changes, in their order, each with what happens as JSON on its standard input.
    Hooks {
        /// Before the primary is asked to stop; one that fails refuses the switchover.
        #[schemars(example = json!(["./pause-jobs"]))]
        before_demote: May<Vec<At<Hook>>>,
        /// Once another server leads.
        #[schemars(example = json!([{ "command": "./tell-dns", "host": "pool1" }]))]
        after_promote: May<Vec<At<Hook>>>,
        /// Once the others follow it.
        #[schemars(example = json!(["./resume-jobs"]))]
        after_follow: May<Vec<At<Hook>>>,
        /// When something of it went wrong.
        #[schemars(example = json!(["./page-somebody"]))]
        on_failure: May<Vec<At<Hook>>>,
    }
}

/// The mappings that may be written as a text, which is then the value of the key named here.
pub const SHORT: [(&str, &str); 1] = [("Hook", "command")];

/// Says in the schema that the command alone will do.
fn or_command_alone(schema: &mut Schema) {
    let whole = schema.clone().to_value();
    let described = whole["description"].clone();
    let alone = whole["properties"]["command"].clone();
    *schema = json_schema!({ "description": described, "oneOf": [alone, whole] });
}

section! {
    /// A command, where it runs and how long it may take; or the command alone.
    #[schemars(transform = or_command_alone)]
    Hook {
        /// Shell text.
        #[schemars(example = json!("./tell-dns"))]
        command: Need<Text>,
        /// The server or the host of a pooler on which it runs, as root; on this machine if it is not said.
        #[schemars(example = json!("pool1"))]
        host: May<HostName>,
        /// How many seconds it may take.
        #[schemars(example = json!(30), extend("default" = 30))]
        timeout: May<Number<1, 3600>>,
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
