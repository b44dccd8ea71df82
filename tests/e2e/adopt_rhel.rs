//! A pair of the RHEL family that somebody set up by hand, with its data on another disk on one host.

use crate::adopt::{HOWTO, describe, keeps_everything};
use crate::lab::Lab;

/// The default of the project's packages; the programs of the imitation are Debian's, which have another one.
const SOCKETS: &str = "unix_socket_directories = '/run/postgresql, /tmp'";

/// The how-to for CentOS, with the settings of a recovery where PostgreSQL 15 has them.
fn howto(lab: &Lab) {
    let address = |host: &str| lab.on(host, "hostname -I | cut -d ' ' -f 1");
    let (one, two) = (address("server1"), address("server2"));
    for host in ["server1", "server2"] {
        lab.on(
            host,
            "dnf -qy install postgresql15-server
             cd ~postgres; echo '*:*:replication:replicator:motdepasse' >>.pgpass; chown postgres: .pgpass; chmod 600 .pgpass",
        );
    }
    lab.on("server1", &format!(
        "/usr/pgsql-15/bin/postgresql-15-setup initdb
         cd /var/lib/pgsql/15/data
         printf '%s' \"{HOWTO}\" >>postgresql.conf
         echo \"{SOCKETS}\" >>postgresql.conf
         printf 'host replication replicator {one}/32 reject\\nhost replication replicator {two}/32 md5\\n' >>pg_hba.conf
         systemctl enable --quiet --now postgresql-15"
    ));
    lab.sql(
        "server1",
        "create role replicator with login replication password 'motdepasse'",
    );
    lab.on("server2", &format!(
        "mkdir -p /etc/systemd/system/postgresql-15.service.d; install -d -m 700 -o postgres -g postgres /srv/pg /srv/pg/15
         printf '[Service]\\nEnvironment=PGDATA=/srv/pg/15/\\n' >/etc/systemd/system/postgresql-15.service.d/override.conf
         systemctl daemon-reload
         cd /; runuser -u postgres -- /usr/pgsql-15/bin/pg_basebackup -h server1 -U replicator --pgdata /srv/pg/15 --wal-method=stream
         cd /srv/pg/15; runuser -u postgres -- touch standby.signal
         printf 'host replication replicator {one}/32 md5\\nhost replication replicator {two}/32 reject\\n' >>pg_hba.conf
         printf \"primary_conninfo = 'host=server1 user=replicator'\\nrecovery_target_timeline = 'latest'\\n\" >>postgresql.conf
         systemctl enable --quiet --now postgresql-15"
    ));
    lab.until(
        "server1",
        "select state from pg_stat_replication",
        "streaming",
    );
}

#[test]
fn a_pair_of_the_rhel_family_made_by_hand_is_described_and_keeps_everything() {
    let lab = Lab::up("howtorhel", &["server1=12:rhel", "server2=12:rhel"]);
    howto(&lab);
    keeps_everything(&lab, || {
        let inventory = describe(&lab, "server2");
        let text = std::fs::read_to_string(&inventory).unwrap();
        assert!(
            text.contains("  server2: {data_directory: /srv/pg/15}\n"),
            "{text}"
        );
        inventory
    });
}
