# The part of a scheduled backup that is pgBackRest's.
full_backups() {
    for manifest in "$top/pgbackrest/backup/$cluster"/[0-9]*F/backup.manifest; do
        if [ ! -f "$manifest" ]; then continue; fi
        id=${manifest%/backup.manifest}
        id=${id##*/}
        said=$(backrest repo-get "backup/$cluster/$id/backup.manifest" --log-level-console=off)
        of_backup() { printf '%s\n' "$said" | sed -n "s/^backup-$1=//p" | tr -d '"'; }
        timeline=$(of_backup archive-start)
        timeline=$((0x${timeline%????????????????}))
        printf '%s %s %s\n' "$id" "$(of_backup timestamp-stop)" "$(on_the_way "$timeline" "$(of_backup lsn-stop)")"
    done
}

prune() {
    read_history "$top/pgbackrest/archive/$cluster"/*-* || fail "cannot read the timelines: nothing is removed"
    first=$(full_backups | first_kept 1)
    if [ -z "$first" ]; then return; fi
    # Its own count knows of no timelines: it is told how many full ones stay, the newest ones.
    kept=$(full_backups | awk -v first="$first" '$1 "" >= first "" { n++ } END { print n }')
    set -- --repo1-retention-full-type=count "--repo1-retention-full=$kept"
    shown=$(expire --dry-run "$@") || fail "cannot tell what would be removed: $(printf '%s\n' "$shown" | backrest_error)"
    gone=$(printf '%s\n' "$shown" | expired_backups | tr '\n' ' ')
    last=$(printf '%s\n' "$shown" | expired_wal)
    # shellcheck disable=SC2086 # names without blanks
    if is_read $gone; then
        say "removed nothing: $said"
        return
    fi
    # In this order a name with something behind it is the next place behind it.
    if [ -n "$last" ] && ! unneeded "${last}0"; then return; fi
    said=$(expire "$@") || fail "cannot remove: $(printf '%s\n' "$said" | backrest_error)"
    for id in $gone; do rm -f "$top/notes/$id"; done
    say "removed backups ${gone:-none}, WAL up to ${last:-nothing}"
}
