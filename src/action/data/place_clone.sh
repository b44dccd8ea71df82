# Makes a complete copy the data directory: markers and settings first, what makes it an instance last.
# In: staging system_id keys (parameters that must not be inherited) marker marker_text wal_place wal_directory
#     recovery (settings of a recovery, or empty)

# WAL that came with a backup goes to where the WAL of this server is.
wal_to_place() {
    wal=$staging/data/$wal_directory
    if [ -z "$wal_place" ] || [ -L "$wal" ]; then return 0; fi
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'if [ -d "$1" ]; then
            rm -rf "$2" && mkdir -p "$2" && cp -a "$1/." "$2/" && sync && mv -T "$1" "$1.moved" || exit
        fi
        ln -s "$2" "$1" && rm -rf "$1.moved"' sh "$wal" "$(inside "$wal_place" new)" || fail "cannot move WAL to $wal_place"
}

main() {
    settle
    if [ -f "$data_directory/PG_VERSION" ] && [ -f "$data_directory/$marker" ] && [ -z "$(ls -A "$staging/data" 2>/dev/null)" ]; then
        remove "$staging"
        already
        return
    fi
    [ -f "$staging/complete" ] || refused "a complete copy in $staging" "none"
    found=$(control_field "$staging/data" 'Database system identifier')
    if [ -n "$system_id" ] && [ "$found" != "$system_id" ]; then refused "system identifier $system_id" "$found"; fi
    ! postmaster_pid >/dev/null || refused "no server in $data_directory" "one that runs"
    vacant "$data_directory" || refused "an empty or missing $data_directory" "something in it"
    own_mount "$data_directory"
    auto=$staging/data/postgresql.auto.conf
    if [ -f "$auto" ]; then forget_keys "$auto" "$keys"; fi
    if [ -n "$recovery" ]; then
        # shellcheck disable=SC2016 # expanded by the shell it is given to
        printf '%s\n' "$recovery" | as_service_user sh -c 'umask 077 && cat >>"$1"' sh "$auto" || fail "cannot write $auto: no space left"
    fi
    if config_inside; then
        # What came along is the other server's: this one gets its own before it starts.
        inside=$staging/data${config_directory#"$data_directory"}
        # shellcheck disable=SC2016 # expanded by the shell it is given to
        as_service_user sh -c 'rm -f "$1/postgresql.conf" "$1/pg_hba.conf" "$1"/*.pgrepl-previous "$1"/*.before-pgrepl' sh "$inside" ||
            fail "cannot remove the configuration that came along from $inside"
    fi
    case $log in "$data_directory"/*) as_service_user rm -rf "$staging/data${log#"$data_directory"}" ;; esac
    # What lies beside the place of the other server's data, and of its tablespaces, is not this one's.
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'rm -rf "$1/.pgrepl" && { [ ! -f "$1/tablespace_map" ] || sed -i "s,/\.pgrepl/pgsql_tmp/new\$,," "$1/tablespace_map"; }' \
        sh "$staging/data" || fail "cannot write $staging/data/tablespace_map"
    wal_to_place
    write_marker "$staging/data"
    as_found "$staging/data"
    sync
    parts_in "$staging/data" "failed-$(date -u +%Y%m%dT%H%M%SZ)"
    put_in "$staging/data" "$data_directory" '*' || fail "cannot give the copy in $staging its place, $data_directory"
    remember
    label_data
    sync
    remove "$staging"
    ok
}
