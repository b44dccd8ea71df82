# Restores a backup into a directory of its own, recovers it apart from everything else on the host, and lets it run as a
# server of its own that listens on its socket only and archives nowhere.
# In: as fetch.sh and apart.sh, and directory fetch_unit recover_unit copy_unit about (the first line of its configuration)
#     wal_directory end (as ended.sh)

answers() { ask 'select 1' >/dev/null 2>&1; }

# While nothing of it runs it reads nothing; run again, it says so again.
let_go() {
    if ! unit_active "$fetch_unit" && ! unit_active "$recover_unit"; then release; fi
}

# Unpacks it, recovers it, and gives it its place.
make_copy() {
    [ -z "$(ls -A "$directory" 2>/dev/null)" ] || refused "an empty or missing $directory" "something in it"
    # What a run that was cut left.
    systemctl stop "$recover_unit" 2>/dev/null || :
    ! as_service_user "$clients/pg_isready" -q -h "$apart_socket" -p "$apart_port" || refused "nobody on port $apart_port" "a server"
    # What has begun to recover is not used again.
    if [ -f "$staging/complete" ] && [ ! -f "$staging/data/backup_label" ]; then as_service_user rm -f "$staging/complete"; fi
    # A copy for another cluster of this host is made in a directory of that name too.
    case $(as_service_user cat "$staging/source" 2>/dev/null) in '' | 'copy of backup '*) ;; *) refused "$staging missing or what a restore beside the cluster left" "something else" ;; esac
    know_copy
    make_way "${directory%/*}"
    trap let_go EXIT
    fetch_backup "$fetch_unit" "copy of backup $ids"
    as_service_user rm -f "$staging/data/backup_manifest"
    start_apart "$recover_unit" "$about"
    hold_backup
    wait_for 864000 recovered
    for history in "$staging/data/$wal_directory"/*.history; do :; done
    if short=$(ended_short "$history"); then
        systemctl stop "$recover_unit"
        fail "the recovery ended at $short, and the archive goes on behind that: a segment is missing or damaged there"
    fi
    put "$staging/stopped" "$(journalctl -q -n 200 -o cat -u "$recover_unit" | sed -n 's/.*LOG: *\(recovery stopping .*\)/\1/p' | tail -n 1)"
    systemctl stop "$recover_unit"
    relink_tablespaces "$staging/data"
    configure "$staging/data" "$about" ''
    if [ -d "$directory" ]; then by_owner "${directory%/*}" rmdir "$directory"; fi
    sync
    { [ ! -e "$directory" ] && move "$staging/data" "$directory"; } || fail "cannot give the copy in $staging its place, $directory"
}

main() {
    # The other end of a run that was killed may still be at work.
    mkdir -p /run/pgrepl
    exec 8>>"/run/pgrepl/$cluster.copy"
    flock -w 3600 8 || fail "another restore beside the cluster runs on $node"
    if [ ! -e "$staging" ] && as_service_user grep -qsxF "$about" "$directory/postgresql.conf" && unit_active "$copy_unit"; then
        already
        return
    fi
    # In its place and not started: a run was cut between the two.
    if [ ! -f "$staging/stopped" ] || [ -d "$staging/data" ]; then make_copy; fi
    systemctl reset-failed "$copy_unit" 2>/dev/null || :
    if ! unit_active "$copy_unit"; then
        writable="$directory
$(places_here)"
        start_unit "$copy_unit" -p KillSignal=SIGINT -p KillMode=mixed "$bindir/postgres" -D "$directory" >&2 ||
            fail "cannot start a server in $directory"
    fi
    wait_for 600 answers || fail "the server in $directory does not answer"
    stopped=$(as_service_user cat "$staging/stopped")
    remove "$staging"
    release
    ok "$stopped"
}
