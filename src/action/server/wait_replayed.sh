# Waits until this standby has replayed the primary's change of parameters: its control file then shows them.
# In: expected (lines of pg_controldata, "NAME setting=VALUE")
reached() {
    shown=$(as_service_user "$bindir/pg_controldata" "$data_directory" | sed 's/: */=/')
    printf '%s\n' "$expected" | while IFS= read -r line; do
        printf '%s\n' "$shown" | grep -qxF "$line" || exit 1
    done
}
main() {
    wait_for 300 reached || fail "the standby did not replay the primary's new parameters within 300 s"
    ok
}
