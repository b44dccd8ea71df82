# The program of the backup engine.
# In: backup_tool (as in the inventory, or empty)
read_tool() {
    case $backup_tool in
        pgbackrest)
            if command -v pgbackrest >/dev/null 2>&1; then fact tool_version "$(cd / && pgbackrest version)"; fi
            ;;
        pitrery)
            # 2.x names its file with -c, 3.x with -f; both tell their version without one.
            if command -v pitrery >/dev/null 2>&1; then fact tool_version "$(cd / && pitrery -V 2>/dev/null)"; fi
            ;;
    esac
}
