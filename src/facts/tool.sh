# The program of the backup engine, and its repository on the mount.
# In: backup_tool (as in the inventory, or empty) mount mount_answers cluster
read_tool() {
    case $backup_tool in
        pgbackrest)
            if command -v pgbackrest >/dev/null 2>&1; then fact tool_version "$(cd / && pgbackrest version)"; fi
            if [ "$mount_answers" = yes ] && timeout 5 test -f "$mount/$cluster/pgbackrest/archive/$cluster/archive.info"; then fact tool_repository yes; fi
            ;;
        pitrery)
            # 2.x names its file with -c, 3.x with -f; both tell their version without one.
            if command -v pitrery >/dev/null 2>&1; then fact tool_version "$(cd / && pitrery -V 2>/dev/null)"; fi
            ;;
    esac
}
