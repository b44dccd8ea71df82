# Removes the backups beyond what is kept, and the WAL before the oldest one that stays; only what was planned.
# In: top ids (names of those that go, sorted, separated by blanks) before (position part of the oldest segment needed)
main() {
    check_owner
    lock_mount expire 20 || fail "the mount $why"
    trap unlock_mount EXIT
    # Its own count knows of no timelines: it is told how many full ones stay, the newest ones.
    kept=0
    for manifest in "$top/pgbackrest/backup/$cluster"/*F/backup.manifest; do
        known=${manifest%/backup.manifest}
        case " $ids " in *" ${known##*/} "*) ;; *) kept=$((kept + 1)) ;; esac
    done
    set -- --repo1-retention-full-type=count "--repo1-retention-full=$kept"
    shown=$(expire --dry-run "$@") || fail "cannot tell what would be removed: $(printf '%s\n' "$shown" | backrest_error)"
    would=$(printf '%s\n' "$shown" | expired_backups | tr '\n' ' ')
    [ "$would" = "$ids " ] || refused "to remove $ids" "pgbackrest would remove ${would:-nothing}"
    last=$(printf '%s\n' "$shown" | expired_wal)
    if [ -n "$last" ] && [ "$(printf '%s\n%s\n' "$last" "$before" | sort | tail -n 1)" = "$last" ]; then
        refused "WAL before $before to be removed" "pgbackrest would remove it up to $last"
    fi
    said=$(expire "$@") || fail "cannot remove: $(printf '%s\n' "$said" | backrest_error)"
    for id in $ids; do
        [ ! -d "$top/pgbackrest/backup/$cluster/$id" ] || fail "backup $id is still there"
        rm -f "$top/notes/$id"
    done
    ok "WAL up to ${last:-nothing}"
}
