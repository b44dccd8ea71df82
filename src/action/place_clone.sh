# Makes a complete copy the data directory: markers and settings first, one rename last.
# In: staging system_id keys (parameters that must not be inherited)
main() {
    if [ -f "$data_directory/PG_VERSION" ] && [ -f "$data_directory/standby.signal" ] && [ ! -e "$staging" ]; then
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
    if [ -f "$auto" ]; then
        awk -v keys=" $keys " '{ name = tolower($1); sub("=.*", "", name) } index(keys, " " name " ") == 0' "$auto" >"$auto.new"
        chown "$service_user:$service_user" "$auto.new"
        mv -f "$auto.new" "$auto"
    fi
    rm -f "$staging/data/recovery.signal"
    : >"$staging/data/standby.signal"
    chown "$service_user:$service_user" "$staging/data/standby.signal"
    chmod 600 "$staging/data/standby.signal"
    chmod 700 "$staging/data"
    sync
    if [ -d "$data_directory" ]; then rmdir "$data_directory" || fail "cannot replace $data_directory: it is a mount point or in use"; fi
    mv "$staging/data" "$data_directory"
    sync
    rm -rf "$staging"
    ok
}
