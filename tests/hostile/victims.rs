//! The scripts that touch places of the service user's, and what they are told.

macro_rules! scripts {
    ($($file:literal)+) => {
        concat!($(include_str!(concat!("../../src/", $file)), "\n"),+)
    };
}

pub const LIBRARY: &str = scripts!("script/prelude.sh" "script/manager.sh" "script/job.sh" "script/marker.sh" "script/places.sh" "script/exchange.sh" "script/staging.sh");

/// What needs a server or systemd, replaced.
pub const WITHOUT: &str = "control_field() { case $2 in *identifier) echo 7 ;; *state) echo 'shut down' ;; *) echo 0/0 ;; esac; }
accepts_connections() { false; }
unit_active() { false; }
systemctl() { :; }
journalctl() { :; }
manager_works() { false; }
start_unit() { :; }
follow() { :; }
sync() { :; }
know_copy() { :; }
forget_copy() { :; }
read_owner() { :; }
check_owner() { :; }
if command -v late >/dev/null; then late; fi
";

/// Each script that touches places of his: a name, its text, and what it is told.
pub const VICTIMS: &[(&str, &str, &str)] = &[
    (
        "set aside",
        scripts!("action/data/set_aside.sh"),
        "stamp=20260131T120000Z",
    ),
    (
        "put back",
        scripts!("action/data/put_back.sh"),
        "aside=$data_directory.pgrepl-20260101T000000Z",
    ),
    (
        "place a copy",
        scripts!("action/data/place_clone.sh"),
        "data_directory=$his/15/new staging=$his/15/new.pgrepl-new",
    ),
    (
        "place a copy, configuration beside the data",
        scripts!("action/data/place_clone.sh"),
        "data_directory=$his/15/new staging=$his/15/new.pgrepl-new config_directory=$his/15/new",
    ),
    (
        "make an instance",
        concat!("register() { :; }\n", scripts!("action/data/init_db.sh")),
        "data_directory=$his/15/fresh staging=$his/15/fresh.pgrepl-new config_directory=$his/15/none",
    ),
    (
        "prepare a place of WAL",
        scripts!("action/data/move_wal.sh"),
        "verb=prepare wal_place=$his/15/wal named=$wal_place",
    ),
    (
        "move WAL",
        scripts!("action/data/move_wal.sh"),
        "verb=move wal_place=$his/15/ts/new",
    ),
    (
        "drop WAL that was moved",
        concat!(
            scripts!("action/data/move_wal.sh"),
            "late() { postmaster_pid() { echo 1; }; as_service_user ln -sfn \"$his/15/ts/new\" \"$data_directory/$wal_directory\" || :; }\n"
        ),
        "verb=drop wal_place=$his/15/ts/new",
    ),
    (
        "write a file",
        scripts!("action/config/write_file.sh"),
        "path=$config_directory/postgresql.conf",
    ),
    (
        "write a file beside the data",
        scripts!("action/config/write_file.sh"),
        "path=$data_directory/pg_hba.conf keep_original=no",
    ),
    (
        "put a file back",
        concat!(
            scripts!("script/boot_start_conf.sh" "action/server/service.sh"),
            "main() { put_back; }\n"
        ),
        "config=$config_directory/pg_hba.conf",
    ),
    ("mark a standby", scripts!("action/data/mark_standby.sh"), ""),
    (
        "fence",
        concat!(scripts!("script/boot_start_conf.sh"), "main() { fence; unfence; }\n"),
        "",
    ),
    (
        "register",
        concat!(scripts!("script/register_start_conf.sh"), "main() { register; }\n"),
        "config_directory=$his/15/etc/15/new data_directory=$his/15/deep/15/new",
    ),
    (
        "make places",
        concat!(scripts!("script/boot_unit.sh"), "main() { make_places; }\n"),
        "config_directory=$his/15/etc/15/new data_directory=$his/15/deep/15/new unit=none",
    ),
    (
        "carry WAL there",
        scripts!("action/data/carry_wal.sh"),
        "verb=place segments=000000010000000000000002 segment_size=4",
    ),
    (
        "carry WAL from there",
        scripts!("action/data/carry_wal.sh"),
        "verb=read segments=000000010000000000000001",
    ),
    (
        "rewind",
        concat!(scripts!("action/data/rewind.sh"), "try() { tried=; }\n"),
        "config_directory=$data_directory rewind_unit=none conninfo= fetch= config=none",
    ),
    (
        "copy",
        scripts!("action/data/base_backup.sh"),
        "source=server1 conninfo= slot= named= tablespaces='/srv/one\t'$his/15/ts/new'\n'",
    ),
    (
        "copy to a place of the inventory",
        scripts!("action/data/base_backup.sh"),
        "source=server1 conninfo= slot= named=$his/15/ts/new/one tablespaces='/srv/one\t'$his/15/ts/new/one'\n'",
    ),
    (
        "restore",
        scripts!("script/fetch.sh" "action/data/unpack_backup.sh"),
        "named= tablespaces='16390\t'$his/15/ts/new'\n'",
    ),
    (
        "drill",
        concat!(
            scripts!("script/ended.sh" "script/fetch.sh" "script/apart.sh" "action/backup/drill.sh"),
            "least() { :; }\nrecovered() { :; }\nask() { echo 1; }\n"
        ),
        "staging=$data_directory.pgrepl-drill named= origins= tablespaces='16390\t'$his/15/ts/new'\n'",
    ),
    (
        "restore beside the cluster",
        concat!(
            scripts!("script/ended.sh" "script/fetch.sh" "script/apart.sh" "action/data/restore_copy.sh"),
            "least() { :; }\nrecovered() { :; }\nask() { echo 1; }\n"
        ),
        "directory=$his/15/deep/copy staging=$his/15/deep/copy.pgrepl-new named= origins=",
    ),
    (
        "remove a copy beside the cluster",
        concat!(scripts!("action/data/drop_copy.sh"), "late() { staging_is_ours() { :; }; }\n"),
        "directory=$data_directory mark= system_id=",
    ),
    (
        "write .pgpass",
        scripts!("action/config/write_pgpass.sh"),
        "content=x home=$his/15/etc",
    ),
    ("clean postgresql.auto.conf", scripts!("action/config/auto_conf.sh"), ""),
    (
        "stop",
        scripts!("action/server/stop.sh"),
        "seconds=1 role=any waits=no address=''",
    ),
    (
        "start what does not start",
        concat!(
            scripts!("script/boot_start_conf.sh" "action/server/service.sh"),
            "late() { begin_start() { :; }; start_goes_on() { false; }; forget_start() { :; }; }\n"
        ),
        "verb=restart config=$config_directory/pg_hba.conf",
    ),
    (
        "recover",
        concat!(
            scripts!("script/ended.sh" "action/data/recover.sh"),
            "late() { begin_start() { as_service_user touch \"$his/began\"; }; accepts_connections() { [ -f \"$his/began\" ]; }
                sql() { echo f; }; start_goes_on() { :; }; }\n"
        ),
        "marker=recovery.signal end=000000010000000000000002",
    ),
    (
        "promote",
        concat!(
            scripts!("action/server/promote.sh"),
            "late() { psql_here() { cat >/dev/null; echo reached; }; sql() { echo 000000010000000000000001; }; wait_for() { :; }; }\n"
        ),
        "seconds=1 handover=no least=0/1 promote=x replay=x walfile=x waldump=waldump address=''",
    ),
    (
        "write a pooler's file",
        concat!(
            scripts!("script/pooler.sh" "action/clients/point_pooler.sh"),
            "main() { rewrite \"$config_directory/postgresql.conf\"; place \"$config_directory/postgresql.conf\"; }\n"
        ),
        "pooler=pool edits=\"$config_directory/postgresql.conf\t1\t0\t\tx\"",
    ),
    (
        "take a backup",
        concat!(
            scripts!("backup/basebackup/take.sh"),
            "finish='", include_str!("../../src/script/finish.sh"), "'\n",
            "late() { start_unit() { as_service_user sh -c ': >$1/complete' sh \"$top/base/$id.inprogress\"; }; }\n"
        ),
        "run=three depth=x backup_unit=none wal_method=stream compress=none",
    ),
    (
        "probe",
        concat!(
            include_str!("../../src/facts/his.sh"), "\n",
            include_str!("../../src/facts/files.sh"), "\n",
            include_str!("../../src/facts/layout.sh"), "\n",
            include_str!("../../src/facts/probe.sh"), "\n",
            "main() { read_data; read_files; ok; }\n"
        ),
        "installer=nobody keeper=owner pass_digest= newest= tool_files=",
    ),
];

/// What all of them are told.
pub const TOLD: &str = "cluster=hostile node=server2 major=15 port=1 installer=apt keeper=start_conf instance=main unit= keys=archive_mode \
    home=$his/15/etc data_directory=$his/15/main config_directory=$his/15/etc socket_directory=$his/15/sock log=$his/15/log \
    staging=$data_directory.pgrepl-new clone_unit=none system_id=7 tablespaces= named= wal_directory=pg_wal wal_place= marker=standby.signal \
    marker_text= checkpoint= recovery= single_options= locale= encoding= options=--no-sync owner=$service_user:$service_user mode=640 content='new\\n' \
    expected=any check=none own_directory=no tool_log= keeps_rules=no keep_original=yes has_hba_rules=no server_tells=no top=$his/15/mount ids=a program=: reader=r bytes=1 hold= about=x \
    fetch_unit=none drill_unit=none recover_unit=none copy_unit=none apart_socket=$his/15/sock apart_port=1 end= verb=none";
