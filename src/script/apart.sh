# shellcheck shell=sh
# A server that runs beside the cluster's own, on its socket only: as a transient unit that can write to its own
# directories only. WAL that creates a tablespace names its original place, and a server that replays it makes its link point
# there, to the files of a server that runs: in the unit that place is the copy, and whatever else is on the host is read-only.
# In: as ended.sh and staging.sh, and staging tablespaces (lines: OID TAB place) origins (lines: OID TAB original place) apart_socket (a directory)
#     apart_port recovery (settings) marker marker_text

ask() { printf '%s\n' "$1" | (cd / && as_service_user "$clients/psql" -XAtq -w -v ON_ERROR_STOP=1 -h "$apart_socket" -p "$apart_port" -d postgres); }

# What the recovery must not have less of than the server that wrote the WAL.
least() {
    as_service_user "$bindir/pg_controldata" "$1" | sed -n "s/^max_connections setting: */max_connections = /p
        s/^max_worker_processes setting: */max_worker_processes = /p
        s/^max_wal_senders setting: */max_wal_senders = /p
        s/^max_prepared_xacts setting: */max_prepared_transactions = /p
        s/^max_locks_per_xact setting: */max_locks_per_transaction = /p"
}

# A configuration of its own: configure DATA FIRST-LINE SETTINGS
configure() {
    put "$1/postgresql.conf" "$2
# It listens on its socket only and archives nowhere.
listen_addresses = ''
unix_socket_directories = '$apart_socket'
port = $apart_port
cluster_name = '$cluster/copy'
archive_mode = off
logging_collector = off
lc_messages = 'C'
shared_buffers = 64MB
$(least "$1")
$3
"
    put "$1/pg_hba.conf" 'local all all peer
'
    put "$1/pg_ident.conf" ''
    as_service_user rm -f "$1/postgresql.auto.conf" "$1/standby.signal" "$1/recovery.conf"
}

# Starts the recovery of what is in staging: start_apart UNIT FIRST-LINE
start_apart() {
    apart_unit=$1
    apart_about=$2
    configure "$staging/data" "$apart_about" "hot_standby = off
$recovery"
    put "$staging/data/$marker" "$marker_text"
    writable="$staging
$apart_socket
$(places_here)"
    # WAL may make any of them again.
    must_confine=no
    for link in "$data_directory"/pg_tblspc/*; do if [ -L "$link" ]; then must_confine=yes; fi; done
    set -- -p KillSignal=SIGINT -p KillMode=mixed
    # A here-document, so that the loop is not a shell of its own.
    while IFS='	' read -r oid origin; do
        # What is missing would be made by root, and the mount says what that is: only what the inventory names is.
        if [ ! -d "$origin" ] && ! is_named "$origin"; then continue; fi
        # systemd splits at some of the others.
        case $origin in '' | *[!A-Za-z0-9/._+@=,~-]*) continue ;; esac
        here=$(printf '%s' "$tablespaces" | awk -F '\t' -v oid="$oid" '$1 == oid { print $2 }')
        if [ "$origin" != "$here" ]; then set -- "$@" -p "BindPaths=$here:$origin"; fi
    done <<-LIST
	$origins
	LIST
    systemctl reset-failed "$apart_unit" 2>/dev/null || :
    start_unit "$apart_unit" "$@" "$bindir/postgres" -D "$staging/data" >&2 || fail "cannot start a server in $staging/data"
}

# Says whether the recovery is over and the server writes.
recovered() {
    unit_active "$apart_unit" || {
        journalctl -q -n 12 -o cat -u "$apart_unit" >&2 || :
        if journalctl -q -n 30 -o cat -u "$apart_unit" | recovers_to_end "$recovery"; then
            recovery=$(printf '%s\n' "$recovery" | grep -v "$ends_at_target")
            start_apart "$apart_unit" "$apart_about"
            return 1
        fi
        fail "the recovery ended without reaching its target: $(journalctl -q -n 30 -o cat -u "$apart_unit" | why_recovery_ended)"
    }
    [ "$(ask 'select pg_is_in_recovery()' 2>/dev/null)" = f ]
}

# In the end the links lead to the copies for everybody: relink_tablespaces DATA
relink_tablespaces() {
    while IFS='	' read -r oid here; do
        if [ -L "$1/pg_tblspc/$oid" ]; then as_service_user ln -sfn "$here" "$1/pg_tblspc/$oid"; fi
    done <<-LIST
	$tablespaces
	LIST
}
