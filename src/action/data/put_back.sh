# Gives a data directory that was set aside its place again, with its tablespaces. What a failed run made in its place is set
# aside under a name of its own; the copy that it had not finished goes. Cut anywhere, it goes on when it is run again.
# In: as staging.sh, and aside (the directory that was set aside, or empty) system_id (of what is expected there, or empty) clone_unit

place_of_link() { printf '%s\n' "${1%%.pgrepl-[0-9]*}"; }

# What stands in a place is set aside, unless it is an empty directory: make_room PLACE
make_room() {
    if [ ! -e "$1" ] || by_owner "${1%/*}" rmdir "$1" 2>/dev/null; then return 0; fi
    move "$1" "$1.pgrepl-failed-$stamp" || fail "cannot set $1 aside"
}

# In: a data directory whose tablespaces may have been set aside, all of them or some
put_tablespaces_back() {
    for link in "$1"/pg_tblspc/*; do
        [ -L "$link" ] || continue
        from=$(readlink "$link")
        place=$(place_of_link "$from")
        if [ "$from" = "$place" ]; then
            # A run that was cut between the rename and the new link.
            [ -z "$(ls -A "$place" 2>/dev/null)" ] || continue
            for from in "$place".pgrepl-[0-9]*Z; do :; done
        fi
        if [ -d "$from" ]; then
            [ "$(stat -c %U "$from")" = "$service_user" ] || fail "the tablespace $from does not belong to $service_user: it cannot be put back"
            make_room "$place"
            move "$from" "$place" || fail "cannot put the tablespace $place back"
        fi
        as_service_user ln -sfn "$place" "$link"
    done
}

# Ends unless the instance there is the one that is looked for: expected DATA-DIRECTORY
expected() {
    found=$(control_field "$1" 'Database system identifier')
    if [ -n "$found" ] && [ "${system_id:-$found}" = "$found" ]; then return 0; fi
    refused "system identifier ${system_id:-of an instance} in $1" "${found:-none}"
}

stops() { ! postmaster_pid >/dev/null; }

main() {
    stamp=$(date -u +%Y%m%dT%H%M%SZ)
    if [ -z "$aside" ] || [ ! -d "$aside" ]; then
        expected "$data_directory"
        if postmaster_pid >/dev/null; then
            already
            return
        fi
        put_tablespaces_back "$data_directory"
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
    if [ -f "$staging/source" ]; then
        if [ -d "$staging/data" ]; then forget_tablespaces; fi
        remove "$staging" || fail "cannot remove $staging"
    fi
    failed=
    [ -z "$(ls -A "$data_directory" 2>/dev/null)" ] || failed=$data_directory.pgrepl-failed-$stamp
    make_room "$data_directory"
    put_tablespaces_back "$aside"
    # Its links follow what was in their places.
    if [ -n "$failed" ]; then
        for link in "$failed"/pg_tblspc/*; do
            [ -L "$link" ] || continue
            place=$(readlink "$link")
            [ -d "$place.pgrepl-failed-$stamp" ] || continue
            as_service_user ln -sfn "$place.pgrepl-failed-$stamp" "$link"
        done
    fi
    move "$aside" "$data_directory" || fail "cannot put $aside back to $data_directory"
    label_data
    sync
    ok "${failed:+what the run had made is in $failed}"
}
