# Removes backups and WAL that are not needed any more.
# In: top backups (names) before (position part of the oldest segment that is needed, or empty) program
main() {
    [ -f "$top/.pgrepl" ] || refused "the cluster's directory $top on the mounted backup file system" "none"
    said=$(cd / && as_service_user env top="$top" node="$node" backups="$backups" before="$before" /bin/sh -c "$program") ||
        fail "the mount could not be pruned: ${said:-see above}"
    ok "$said WAL files"
}
