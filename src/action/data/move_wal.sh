# Moves the WAL of a stopped standby to a directory of its own: a whole copy first, then pg_wal leads to it by a rename. Cut before
# that, the server works with what it had, and the copy is made anew; what it had stays beside until it is dropped.
# In: as staging.sh, and verb (prepare, move, drop) system_id (of what is expected there) wal_place wal_directory

expected() {
    found=$(control_field "$data_directory" 'Database system identifier')
    [ "$found" = "$system_id" ] || refused "system identifier $system_id in $data_directory" "${found:-none}"
}

# Says whether WAL is where it is to be.
moved() { [ -L "$link" ] && [ "$(readlink "$link")" = "$wal_place" ]; }

# Neither may WAL be copied into itself, nor go with the data directory.
apart() {
    to=$(readlink -m "$wal_place")
    for whole in "$data_directory" "$link"; do
        whole=$(readlink -m "$whole")
        case $to in "$whole"/*) refused "a place of WAL outside $whole" "$wal_place" ;; esac
    done
}

# Another name of the same directory: only the link is another one.
same() { [ "$(readlink -f "$link")" = "$(readlink -f "$wal_place")" ]; }

# What a copy that was cut has in the place goes; nothing else may be there.
make_vacant() {
    apart
    own_place "$wal_place" WAL
    if same; then return 0; fi
    gather "$wal_place" '*'
    if [ "$(as_service_user cat "$mark" 2>/dev/null)" = "$system_id $link" ]; then
        (cd / && as_service_user find "$wal_place/" -mindepth 1 -maxdepth 1 ! -name .pgrepl ! -name lost+found -exec rm -rf {} +) ||
            fail "cannot remove the copy of WAL that was begun in $wal_place"
    fi
    vacant "$wal_place" || refused "nothing in $wal_place" "something"
    new_beside "$wal_place"
    needed=$(bytes_in "$link/.")
    free=$(as_service_user df -B1 --output=avail "$wal_place/." | tail -n 1 | tr -d ' ')
    [ "${needed:-0}" -le "${free:-0}" ] ||
        fail "not enough space in $wal_place: WAL needs $((needed >> 20)) MB, $((free >> 20)) MB are free"
}

copy_wal() {
    new=$(inside "$wal_place" new)
    (cd / && as_service_user find "$link/" -mindepth 1 -maxdepth 1 ! -name .pgrepl ! -name lost+found -exec cp -a -t "$new" {} +) ||
        fail "cannot copy WAL to $wal_place; the server is stopped, and its WAL is where it was"
    as_service_user chmod --reference="$link/." "$new"
    sync
    put "$mark" "$system_id $link"
    put_in "$new" "$wal_place" '*' || fail "cannot put the copy of WAL in its place, $wal_place"
    sync
}

# It leads there: an own directory goes beside, a link is replaced.
lead_there() {
    make_room "$data_directory"
    temporary=$(inside "$data_directory" wal-link)
    as_service_user ln -sfn "$wal_place" "$temporary"
    if [ ! -L "$link" ]; then
        remove "$old"
        as_service_user mv -T "$link" "$old"
    fi
    as_service_user mv -fT "$temporary" "$link"
    sync
}

main() {
    link=$data_directory/$wal_directory
    old=$(inside "$data_directory" wal)
    mark=$(inside "$wal_place" wal)
    settle
    expected
    case $verb in
        prepare)
            if moved || { [ ! -e "$link" ] && [ -d "$old" ]; }; then
                already
                return
            fi
            [ -L "$link" ] || ! is_mount "$(readlink -m "$link")" || refused "WAL in $data_directory, or behind a link" "a mount point, $link"
            make_vacant
            ok
            ;;
        move)
            ! postmaster_pid >/dev/null || refused "no server in $data_directory" "one that runs"
            if moved; then
                already
                return
            fi
            # Cut between the two renames.
            if [ ! -e "$link" ] && [ ! -L "$link" ] && [ -d "$old" ]; then as_service_user mv -T "$old" "$link"; fi
            make_vacant
            same || copy_wal
            lead_there
            remember
            label_data
            ok
            ;;
        drop)
            postmaster_pid >/dev/null || refused "a server in $data_directory" "none"
            [ -L "$link" ] || refused "WAL in $wal_place" "WAL in $data_directory"
            as_service_user rm -f "$mark"
            remove "$old" || fail "cannot remove $old"
            ok
            ;;
    esac
}
