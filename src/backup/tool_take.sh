# Takes a backup by an engine's own program, as a transient unit that outlives this connection.
# In: top depth backup_unit program (what the unit runs)
main() {
    check_top
    check_owner
    job=$top/jobs/$node
    [ "$(sql 'select pg_is_in_recovery()')" = f ] || refused "a primary: a backup of a standby would need a channel to the primary" "a standby"
    total=$(sql 'select sum(pg_database_size(oid)) from pg_database')
    if unit_active "$backup_unit" || [ -f "$job/complete" ]; then
        note "joined the backup that was begun before"
    else
        # shellcheck disable=SC2016 # expanded by the shell it is given to
        as_service_user timeout 30 sh -c 'umask 077 && rm -rf "$1" && mkdir -p "$1" && : >"$1/log"' sh "$job" || fail "cannot write to $top"
        systemctl reset-failed "$backup_unit" 2>/dev/null || :
        # shellcheck disable=SC2016 # expanded by the shell of the unit
        start_unit "$backup_unit" --setenv=program="$program" --setenv=job="$job" --setenv=depth="$depth" \
            --setenv=cluster="$cluster" --setenv=top="$top" --setenv=node="$node" --setenv=bindir="$bindir" --setenv=major="$major" \
            --setenv=data_directory="$data_directory" /bin/sh -c 'eval "$program"' >&2 || fail "cannot start the backup"
    fi
    follow "$backup_unit" "$job/complete" "$job/log" || fail "the backup did not end well: $(tail -n 1 "$job/log")"
    id=$(cat "$job/complete")
    as_service_user rm -rf "$job"
    ok "$id"
}
