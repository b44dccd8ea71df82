# The part of a scheduled backup that is pgBackRest's.
prune() {
    shown=$(expire --dry-run) || fail "cannot tell what would be removed: $(printf '%s\n' "$shown" | backrest_error)"
    gone=$(printf '%s\n' "$shown" | expired_backups | tr '\n' ' ')
    last=$(printf '%s\n' "$shown" | expired_wal)
    # shellcheck disable=SC2086 # names without blanks
    if is_read $gone; then
        say "removed nothing: $said"
        return
    fi
    # In this order a name with something behind it is the next place behind it.
    if [ -n "$last" ] && ! unneeded "${last}0"; then return; fi
    said=$(expire) || fail "cannot remove: $(printf '%s\n' "$said" | backrest_error)"
    for id in $gone; do rm -f "$top/notes/$id"; done
    say "removed backups ${gone:-none}, WAL up to ${last:-nothing}"
}
