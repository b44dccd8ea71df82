# Makes a stopped instance start as a standby, so that it can never come up as a second primary.
# In: marker marker_text system_id checkpoint (the last one it may have, or empty)
main() {
    if [ -f "$data_directory/$marker" ] && { [ -z "$marker_text" ] || printf '%s' "$marker_text" | cmp -s - "$data_directory/$marker"; }; then
        already
        return
    fi
    ! postmaster_pid >/dev/null || refused "no server in $data_directory" "one that runs"
    found=$(control_field "$data_directory" 'Database system identifier')
    [ "$found" = "$system_id" ] || refused "system identifier $system_id" "$found"
    state=$(control_field "$data_directory" 'Database cluster state')
    [ "$state" = 'shut down' ] || refused "an instance that was shut down" "$state"
    found=$(control_field "$data_directory" 'Latest checkpoint location')
    if [ -n "$checkpoint" ] && [ "$found" != "$checkpoint" ]; then refused "last checkpoint at $checkpoint" "$found"; fi
    write_marker "$data_directory"
    ok
}
