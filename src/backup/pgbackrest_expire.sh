# Removes the backups beyond what is kept, and the WAL before the oldest one that stays; only what was planned.
# In: top ids (names of those that go, sorted, separated by blanks) before (position part of the oldest segment needed)
main() {
    check_owner
    lock_mount expire 20 || fail "the mount $why"
    trap unlock_mount EXIT
    shown=$(expire --dry-run) || fail "cannot tell what would be removed: $(printf '%s\n' "$shown" | backrest_error)"
    would=$(printf '%s\n' "$shown" | expired_backups | tr '\n' ' ')
    [ "$would" = "$ids " ] || refused "to remove $ids" "pgbackrest would remove ${would:-nothing}"
    last=$(printf '%s\n' "$shown" | expired_wal)
    if [ -n "$last" ] && [ "$(printf '%s\n%s\n' "$last" "$before" | sort | tail -n 1)" = "$last" ]; then
        refused "WAL before $before to be removed" "pgbackrest would remove it up to $last"
    fi
    said=$(expire) || fail "cannot remove: $(printf '%s\n' "$said" | backrest_error)"
    for id in $ids; do
        [ ! -d "$top/pgbackrest/backup/$cluster/$id" ] || fail "backup $id is still there"
        rm -f "$top/notes/$id"
    done
    ok "WAL up to ${last:-nothing}"
}
