# Takes a backup by an engine's own program, as a transient unit that outlives this connection.
# In: top depth run (a name of this run's own) backup_unit program (what the unit runs)

# What there is of a job of this host. One that goes on is joined; the result of one that has ended belongs to the run that
# asked for it, which may have lost its connection, and another run takes a backup of its own.
look_at_job() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'if [ ! -f "$1/complete" ]; then echo none
        elif [ "$(cat "$1/run" 2>/dev/null)" = "$2" ]; then echo own
        else printf "ended %s\n" "$(cat "$1/complete")"; fi' sh "$job" "$run"
}

main() {
    check_owner
    job=$top/jobs/$node
    [ "$(sql 'select pg_is_in_recovery()')" = f ] || refused "a primary: a backup of a standby would need a channel to the primary" "a standby"
    total=$(sql 'select sum(pg_database_size(oid)) from pg_database')
    left=$(look_at_job)
    if [ "$left" = own ] || { [ "$left" = none ] && unit_active "$backup_unit"; }; then
        note "joined the backup that was begun before"
    else
        case $left in ended*) note "backup ${left#ended }, which was begun before, is whole: this is another one" ;; esac
        # shellcheck disable=SC2016 # expanded by the shell it is given to
        as_service_user timeout 30 sh -c 'rm -rf "$1" && mkdir -p "$1" && printf "%s\n" "$2" >"$1/run" && : >"$1/log"' sh "$job" "$run" || fail "cannot write to $top"
        writable="$top
/var/log/pgbackrest"
        systemctl reset-failed "$backup_unit" 2>/dev/null || :
        # shellcheck disable=SC2016 # expanded by the shell of the unit
        start_unit "$backup_unit" --setenv=program="$program" --setenv=job="$job" --setenv=depth="$depth" \
            --setenv=cluster="$cluster" --setenv=top="$top" --setenv=node="$node" --setenv=bindir="$bindir" --setenv=major="$major" \
            --setenv=data_directory="$data_directory" /bin/sh -c 'eval "$program"' >&2 || fail "cannot start the backup"
    fi
    follow "$backup_unit" "$job/complete" "$job/log" || fail "the backup failed: $(last_words "$job/log" | tail -n 1)"
    id=$(as_service_user cat "$job/complete")
    as_service_user rm -rf "$job"
    ok "$id"
}
