# The part of a scheduled backup that is pitrery's.
# Its exit code tells nothing: what was removed is what is gone.
restorable() {
    for id in $(backups); do
        whole "$id" || continue
        label=$(label_of "$id") || continue
        stop=$(printf '%s\n' "$label" | sed -n 's/^STOP WAL LOCATION: \([0-9A-F/]*\) .*/\1/p')
        timeline=$(printf '%s\n' "$label" | sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]\{8\}\).*/\1/p')
        printf '%s %s %s\n' "$id" "$(cat "$repository/$id/backup_timestamp")" "$(on_the_way "$((0x$timeline))" "$stop")"
    done
}

prune() {
    read_history "$repository/archived_wal" || fail "cannot read the timelines: nothing is removed"
    first=$(restorable | first_kept 0)
    if [ -z "$first" ]; then return; fi
    # It counts what cannot be restored too, and knows of no timelines: it is told how many stay, the newest ones.
    kept=$(backups | awk -v first="$first" '$1 "" >= first "" { n++ } END { print n }')
    shown=$(pitrery_ purge -m "$kept" -N 2>&1) || :
    gone=
    oldest=
    for id in $(backups); do
        case $shown in
            *"$repository/$id"*) gone="$gone $id" ;;
            *) [ -n "$oldest" ] || oldest=$first ;;
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
    said=$(pitrery_ purge -m "$kept" 2>&1) || :
    for id in $gone; do
        [ ! -d "$repository/$id" ] || fail "backup $id is still there: $(printf '%s\n' "$said" | tail -n 1)"
        rm -f "$top/notes/$id"
    done
    say "removed backups$gone, WAL before $start_wal"
}
