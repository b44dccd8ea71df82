# Takes a base backup onto the mount, as a transient unit that outlives this connection; whole, it gets its name.
# In: top id kind backup_unit program (what the unit runs) wal_method compress

# What an earlier run began on this host: it goes on, or has ended without anybody to see it.
adopt() {
    for begun in "$top"/base/*.inprogress; do
        [ "$(cat "$begun/host" 2>/dev/null)" = "$node" ] || continue
        if unit_active "$backup_unit" || [ -f "$begun/complete" ]; then
            id=${begun##*/}
            id=${id%.inprogress}
            note "joined the backup $id that was begun before"
            return
        fi
        rm -rf "$begun"
    done
}

begin() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user timeout 30 sh -c 'umask 077 && mkdir "$1" && printf "%s\n" "$2" >"$1/host" && : >"$1/log"' sh "$work" "$node" || fail "cannot write to $top/base"
    systemctl reset-failed "$backup_unit" 2>/dev/null || :
    # The program comes in a variable: in an argument systemd would expand what looks like one of its own.
    # shellcheck disable=SC2016 # expanded by the shell of the unit
    start_unit "$backup_unit" --setenv=program="$program" \
        --setenv=top="$top" --setenv=id="$id" --setenv=node="$node" --setenv=kind="$kind" --setenv=major="$major" --setenv=clients="$clients" \
        --setenv=port="$port" --setenv=socket_directory="$socket_directory" --setenv=wal_method="$wal_method" --setenv=compress="$compress" \
        /bin/sh -c 'eval "$program"' >&2 || fail "cannot start the backup"
}

main() {
    [ -f "$top/.pgrepl" ] || refused "the cluster's directory $top on the mounted backup file system" "none"
    system_id=$(control_field "$data_directory" 'Database system identifier')
    found=$(head -n 1 "$top/.pgrepl")
    [ "$found" = "$system_id" ] || refused "the archive of cluster $system_id in $top" "that of $found"
    adopt
    work=$top/base/$id.inprogress
    [ -d "$work" ] || begin
    follow "$backup_unit" "$work/complete" "$work/log" || {
        why=$(last_words "$work/log" | awk '$2 != "kB" && NF { last = $0 } /error:|FATAL|taken by/ { why = $0 } END { print why != "" ? why : last }')
        rm -rf "$work"
        fail "the backup did not end well: $why"
    }
    finish_backup || fail "cannot give its name to a backup that is whole: $work"
    ok "$id"
}
