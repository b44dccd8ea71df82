# Renames a data directory and its tablespaces out of the way; nothing is deleted.
# In: system_id (of what is expected there) stamp (of the run: all that it sets aside bears it, on every host)
main() {
    ! postmaster_pid >/dev/null || refused "no server in $data_directory" "one that runs"
    [ -d "$data_directory" ] || {
        already
        return
    }
    found=$(control_field "$data_directory" 'Database system identifier')
    [ "$found" = "$system_id" ] || refused "system identifier $system_id in $data_directory" "$found"
    aside=$data_directory.pgrepl-$stamp
    [ ! -e "$aside" ] || refused "no $aside" "one"
    for link in "$data_directory"/pg_tblspc/*; do
        [ -L "$link" ] || continue
        place=$(readlink -f "$link")
        [ -d "$place" ] || continue
        # The link is the service user's: what is somebody else's is renamed by nobody.
        [ "$(stat -c %U "$place")" = "$service_user" ] || fail "the tablespace $place does not belong to $service_user: it cannot be set aside"
        ! mountpoint -q "$place" || fail "the tablespace $place is itself a mount point: it cannot be set aside by a rename"
        # The copy that is set aside stays whole: its link follows.
        move "$place" "$place.pgrepl-$stamp" || fail "cannot set the tablespace $place aside"
        as_service_user ln -sfn "$place.pgrepl-$stamp" "$link"
        # WAL that a recovery replays may make a tablespace here again.
        own_directory "$place"
    done
    move "$data_directory" "$aside" || fail "cannot set $data_directory aside"
    # What a rewind that was cut has kept of the configuration is nowhere else.
    rewinding=$data_directory.pgrepl-rewinding
    if as_service_user test -d "$rewinding/config"; then
        move "$rewinding/config" "$aside/config.pgrepl-rewinding" || fail "cannot keep $rewinding/config"
    fi
    remove "$rewinding"
    sync
    ok "$aside"
}
