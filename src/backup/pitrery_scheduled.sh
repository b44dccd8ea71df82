# The part of a scheduled backup that is pitrery's.
# Its exit code tells nothing: what was removed is what is gone.
prune() {
    shown=$(pitrery_ purge -N 2>&1) || :
    gone=
    oldest=
    for id in $(backups); do
        # One that is not whole is not for pitrery to count.
        whole "$id" || fail "expected whole backups only in $repository, found $id"
        case $shown in
            *"$repository/$id"*) gone="$gone $id" ;;
            *) [ -n "$oldest" ] || oldest=$id ;;
        esac
    done
    if [ -z "$gone" ]; then return; fi
    [ -n "$oldest" ] || fail "pitrery purge would leave no backup"
    start_wal=$(sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]*\))/\1/p' "$repository/$oldest/backup_label" | cut -c 9-24)
    unneeded "$start_wal" || return 0
    # shellcheck disable=SC2086 # names without blanks
    if is_read $gone; then
        say "removed nothing: $said"
        return
    fi
    said=$(pitrery_ purge 2>&1) || :
    for id in $gone; do
        [ ! -d "$repository/$id" ] || fail "backup $id is still there: $(printf '%s\n' "$said" | tail -n 1)"
        rm -f "$top/notes/$id"
    done
    say "removed backups$gone, WAL before $start_wal"
}
