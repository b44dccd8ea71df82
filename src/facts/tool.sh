# The program of the backup engine.
# In: backup_tool (its program, or empty) tool_version (what makes it tell its version, or empty)
read_tool() {
    [ -n "$tool_version" ] || return 0
    if command -v "$backup_tool" >/dev/null 2>&1; then fact tool_version "$(cd / && "$backup_tool" "$tool_version" 2>/dev/null)"; fi
}
