# What a systemd timer calls on every host of the cluster at the same time, written by pgrepl, as the service user. The
# host whose server is the primary takes a backup and removes what is beyond those that are kept.
# In: cluster top node nodes major bindir port socket_directory data_directory
depth=full
say() { printf 'scheduled-backup: %s\n' "$1"; }

primary() {
    recovering=$(sql 'select pg_is_in_recovery()') || fail "the server on port $port does not answer"
    [ "$recovering" = f ]
}

# Says whether WAL before this position may go: every host has told what it may still need, and none needs it.
unneeded() {
    for host in $nodes; do
        position=$(cat "$top/hosts/$host" 2>/dev/null) || position=
        if [ -z "$position" ] || [ "$(printf '%s\n%s\n' "$position" "$1" | sort | head -n 1)" != "$1" ]; then
            say "removed nothing: $host may need WAL from ${position:-any place} on"
            return 1
        fi
    done
}

main() {
    check_owner
    tell_position
    if primary; then
        lock_mount 'scheduled backup' 7200 || fail "the mount $why"
        log=$(mktemp)
        trap 'rm -f "$log"; end_work' EXIT
    fi
    # The wait may have been long.
    if ! primary; then
        say "not here: the backup is taken where the primary is"
        return
    fi
    # What a standby kept from going last time; the backup is taken whatever comes of it.
    (prune) || say 'the older backups stay'
    take "$log"
    say "took $id"
    prune
}
