# Copies the data directory of another server into staging, as a transient unit that outlives this connection.
# In: staging clone_unit source conninfo slot system_id tablespaces (lines: there TAB here) wal_place wal_directory

begin() {
    new_staging "$source"
    make_wal
    # systemd would expand what is in braces.
    wal_option=${wal_apart:+--${wal_directory#pg_}dir=$wal_apart}
    # A source that is gone is noticed; by the kernel's own time for that, two hours pass.
    conninfo="$conninfo keepalives_idle=10 keepalives_interval=5 keepalives_count=3"
    # shellcheck disable=SC2016 # expanded by the shell of the copy
    copy='cd "$staging" && set -- -D "$staging/data" -d "$conninfo" -X stream -c fast -P -w
        [ -z "$slot" ] || set -- "$@" -S "$slot"
        if [ -f tablespaces ]; then
            while IFS="	" read -r there here; do
                [ "$there" = "$here" ] || set -- "$@" -T "$there=$here"
            done <tablespaces
        fi
        [ -z "$wal_option" ] || set -- "$@" "$wal_option"
        if "$clients/pg_basebackup" "$@" >log 2>&1; then : >complete; fi'
    if [ -d /run/systemd/system ]; then
        writable="$staging
$wal_apart
$(places_here)"
        systemctl reset-failed "$clone_unit" 2>/dev/null || :
        start_unit "$clone_unit" \
            --setenv=staging="$staging" --setenv=conninfo="$conninfo" --setenv=slot="$slot" --setenv=clients="$clients" \
            --setenv=wal_option="$wal_option" /bin/sh -c "$copy" >&2 || fail "cannot start the copy"
    else
        note "no systemd here: the copy ends with this connection"
        export staging conninfo slot clients wal_option
        as_service_user /bin/sh -c "$copy" >&2 || :
    fi
}

main() {
    settle
    own_mount "$data_directory"
    joined=no
    if unit_active "$clone_unit"; then
        joined=yes
        note "joined the copy that was already running"
    elif [ -f "$staging/complete" ] && [ "$(as_service_user cat "$staging/source")" = "$source" ] && [ "$(as_service_user cat "$staging/system_id")" = "$system_id" ]; then
        already
        return
    else
        begin
    fi
    copied() { follow "$clone_unit" "$staging/complete" "$staging/log"; }
    if ! copied; then
        # What cut the earlier run short may have cut its copy too.
        [ "$joined" = yes ] || fail "the copy from $source failed"
        note "the copy that was joined failed: it begins again"
        begin
        copied || fail "the copy from $source failed"
    fi
    if [ -n "$system_id" ] && [ "$(control_field "$staging/data" 'Database system identifier')" != "$system_id" ]; then
        fail "the copy has another system identifier than the cluster"
    fi
    ok
}
