# Copies the data directory of another server into staging, as a transient unit that outlives this connection.
# In: staging clone_unit source conninfo slot system_id wal_method

active() { [ "$(systemctl show -p ActiveState --value "$clone_unit" 2>/dev/null)" = active ] || [ "$(systemctl show -p ActiveState --value "$clone_unit" 2>/dev/null)" = activating ]; }

said() { tail -c 2000 "$staging/log" 2>/dev/null | tr '\r' '\n'; }

show_progress() {
    line=$(said | awk '$2 == "kB" { last = $1 } END { print last }')
    case $line in
        */*) progress "$((${line%%/*} * 1024))" "$((${line#*/} * 1024))" ;;
    esac
}

begin() {
    if [ -e "$staging" ]; then
        # Only what a copy of ours left half done; a finished one is used and anything else is not ours.
        [ -f "$staging/source" ] || refused "$staging missing or a copy of pgrepl" "something else"
        rm -rf "$staging"
    fi
    mkdir -p "$staging/data"
    chmod 700 "$staging" "$staging/data"
    printf '%s\n' "$source" >"$staging/source"
    printf '%s\n' "$system_id" >"$staging/system_id"
    : >"$staging/log"
    chown -R "$service_user:$service_user" "$staging"
    # shellcheck disable=SC2016 # expanded by the shell of the copy
    copy='cd "$staging" && set -- -D "$staging/data" -d "$conninfo" "$wal_method=stream" -c fast -P -w
        [ -z "$slot" ] || set -- "$@" -S "$slot"
        if "$bindir/pg_basebackup" "$@" >log 2>&1; then : >complete; fi'
    if [ -d /run/systemd/system ]; then
        systemctl reset-failed "$clone_unit" 2>/dev/null || :
        systemd-run --quiet --unit="${clone_unit%.service}" --uid="$service_user" --gid="$service_user" \
            --setenv=staging="$staging" --setenv=conninfo="$conninfo" --setenv=slot="$slot" --setenv=bindir="$bindir" \
            --setenv=wal_method="$wal_method" --setenv=HOME="$home" --setenv=LC_ALL=C \
            /bin/sh -c "$copy" >&2 || fail "cannot start the copy"
    else
        note "no systemd here: the copy ends with this connection"
        export staging conninfo slot bindir wal_method
        as_service_user /bin/sh -c "$copy" >&2 || :
    fi
}

follow() {
    turn=0
    # The end is looked for often, because looking for a file costs nothing; pg_basebackup has synced everything by then.
    until [ -f "$staging/complete" ]; do
        if [ "$((turn % 5))" = 0 ]; then
            active || return 0
            show_progress
        fi
        turn=$((turn + 1))
        sleep 0.1
    done
}

main() {
    joined=no
    if active; then
        joined=yes
        note "joined the copy that was already running"
    elif [ -f "$staging/complete" ] && [ "$(cat "$staging/system_id")" = "$system_id" ]; then
        already
        return
    else
        begin
    fi
    follow
    if [ ! -f "$staging/complete" ] && [ "$joined" = yes ]; then
        # What cut the earlier run short may have cut its copy too.
        note "the copy that was joined did not end well: it begins again"
        begin
        follow
    fi
    if [ ! -f "$staging/complete" ]; then
        said | awk '$2 != "kB"' | tail -n 10 >&2
        systemctl reset-failed "$clone_unit" 2>/dev/null || :
        fail "the copy from $source did not end well"
    fi
    if [ -n "$system_id" ] && [ "$(control_field "$staging/data" 'Database system identifier')" != "$system_id" ]; then
        fail "the copy has another system identifier than the cluster"
    fi
    ok
}
