# Removes backups and WAL that are not needed any more.
# In: top backups (names) before (position part of the oldest segment that is needed, or empty) program
main() {
    read_owner
    said=$(env top="$top" node="$node" backups="$backups" before="$before" /bin/sh -c "$program") ||
        fail "the mount could not be pruned: ${said:-see above}"
    case $said in 1) ok "1 WAL file" ;; *) ok "$said WAL files" ;; esac
}
