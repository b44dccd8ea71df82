# Makes a complete copy the data directory: markers and settings first, one rename last.
# In: staging system_id keys (parameters that must not be inherited) marker marker_text
#     recovery (settings of a recovery, or empty)
main() {
    if [ -f "$data_directory/PG_VERSION" ] && [ -f "$data_directory/$marker" ] && [ ! -e "$staging" ]; then
        already
        return
    fi
    [ -f "$staging/complete" ] || refused "a complete copy in $staging" "none"
    found=$(control_field "$staging/data" 'Database system identifier')
    if [ -n "$system_id" ] && [ "$found" != "$system_id" ]; then refused "system identifier $system_id" "$found"; fi
    ! postmaster_pid >/dev/null || refused "no server in $data_directory" "one that runs"
    if [ -d "$data_directory" ]; then
        [ -z "$(ls -A "$data_directory")" ] || refused "an empty or missing $data_directory" "something in it"
    fi
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
    write_marker "$staging/data"
    as_service_user chmod 700 "$staging/data"
    sync
    if [ -d "$data_directory" ]; then by_owner "${data_directory%/*}" rmdir "$data_directory" || fail "cannot replace $data_directory: it is a mount point or in use"; fi
    move "$staging/data" "$data_directory" || fail "cannot give the copy in $staging its place, $data_directory"
    label_data
    sync
    remove "$staging"
    ok
}
