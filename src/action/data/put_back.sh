# Gives an instance that was set aside its places again, with its WAL and its tablespaces. What a failed run made there is set
# aside under a name of its own; the copy that it had not finished goes. Cut anywhere, it goes on when it is run again.
# In: as staging.sh, and aside (the directory that was set aside, or empty) system_id (of what is expected there, or empty) clone_unit

# Ends unless the instance there is the one that is looked for: expected DATA-DIRECTORY
expected() {
    found=$(control_field "$1" 'Database system identifier')
    if [ -n "$found" ] && [ "${system_id:-$found}" = "$found" ]; then return 0; fi
    refused "system identifier ${system_id:-of an instance} in $1" "${found:-none}"
}

stops() { ! postmaster_pid >/dev/null; }

main() {
    failed_name=failed-$(date -u +%Y%m%dT%H%M%SZ)
    if postmaster_pid >/dev/null && { [ -z "$aside" ] || [ ! -d "$aside" ]; }; then
        expected "$data_directory"
        already
        return
    fi
    settle
    if [ -z "$aside" ] || [ ! -d "$aside" ]; then
        expected "$data_directory"
        parts_in "$data_directory" "$failed_name"
        already
        return
    fi
    expected "$aside"
    if postmaster_pid >/dev/null || manager_works; then
        ask_manager stop >&2 || :
        wait_for 120 stops || fail "the server in $data_directory does not stop"
        forget_start
    fi
    if unit_active "$clone_unit"; then
        timeout 120 systemctl stop "$clone_unit" || :
        ! unit_active "$clone_unit" || fail "the copy that was begun does not end: $clone_unit"
    fi
    failed=
    if ! vacant "$data_directory"; then
        failed=$(beside "$data_directory" "$failed_name")
        put_out "$data_directory" "$failed" '*' "$failed_name" || fail "cannot set $data_directory aside"
        parts_out "$failed" "$failed_name"
    fi
    if [ -f "$staging/source" ]; then
        if [ -d "$staging/data" ]; then forget_parts; fi
        remove "$staging" || fail "cannot remove $staging"
    fi
    parts_in "$aside" "$failed_name"
    put_in "$aside" "$data_directory" '*' || fail "cannot put $aside back to $data_directory"
    remember
    label_data
    sync
    ok "${failed:+what the run had made is in $failed}"
}
