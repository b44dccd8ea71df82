# Moves an instance out of its places: its data directory, its WAL and its tablespaces. Nothing is deleted.
# In: system_id (of what is expected there) stamp (of the run: all that it sets aside bears it, on every host)
main() {
    ! postmaster_pid >/dev/null || refused "no server in $data_directory" "one that runs"
    settle
    rewinding=$(beside "$data_directory" rewinding)
    body=$data_directory
    # In the middle of a rewind it is there.
    if [ -d "$rewinding/data" ]; then body=$rewinding/data; fi
    if vacant "$body"; then
        already
        return
    fi
    found=$(control_field "$body" 'Database system identifier')
    [ "$found" = "$system_id" ] || refused "system identifier $system_id in $data_directory" "$found"
    aside=$(beside "$data_directory" "$stamp")
    [ ! -e "$aside" ] || refused "no $aside" "one"
    if [ "$body" = "$data_directory" ]; then
        remember
        put_out "$data_directory" "$aside" '*' "$stamp" || fail "cannot set $data_directory aside"
    else
        move "$body" "$aside" || fail "cannot set $body aside"
    fi
    parts_out "$aside" "$stamp"
    # What a rewind that was cut has kept of the configuration is nowhere else.
    if as_service_user test -d "$rewinding/config"; then
        move "$rewinding/config" "$aside/config.pgrepl-rewinding" || fail "cannot keep $rewinding/config"
    fi
    remove "$rewinding"
    sync
    ok "$aside"
}
