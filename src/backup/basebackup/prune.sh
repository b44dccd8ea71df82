# Removes backups and WAL that are not needed any more, as the owner of the archive, while nobody else works on the mount.
# In: as remove.sh, and top ids (names, separated by blanks) before (position part of the oldest segment that is needed, or empty)
umask 077
as_owner() { "$@"; }

main() {
    read_owner
    lock_mount prune 20 || fail "the mount could not be pruned: it $why"
    trap unlock_mount EXIT
    removed=0
    who_builds || fail "the mount could not be pruned: $why"
    # shellcheck disable=SC2086 # one word for each
    remove_backups $ids || fail "the mount could not be pruned: see above"
    if [ -n "$before" ]; then remove_wal "$before"; fi
    case $removed in 1) ok "1 WAL file" ;; *) ok "$removed WAL files" ;; esac
}
