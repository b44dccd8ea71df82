# Waits until logical slots are synchronized on this standby.
# In: slots (names, one a line)
ready() {
    sql "select slot_name from pg_replication_slots where synced and not temporary and invalidation_reason is null" >"$found" || return 1
    lacking=$(printf '%s\n' "$slots" | grep -vxFf "$found" | paste -sd ' ' -) || :
    [ -z "$lacking" ]
}
main() {
    found=$(mktemp)
    trap 'rm -f "$found"' EXIT
    lacking=$slots
    # The server's own process looks at the primary every 30 s where nothing has moved.
    wait_for 90 ready || fail "logical slots of the primary are not synchronized here within 90 s: $lacking; the log says why"
    ok
}
