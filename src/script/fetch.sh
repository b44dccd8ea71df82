# Brings a backup into staging, as a transient unit that outlives this connection.
# In: as staging.sh, and top ids (oldest first, the backup itself last) program (what the unit runs) reader (its mark on the
#     mount keeps the backup) bytes (about how many come) wal_directory

# Nothing that unpacks tells how far it is.
show_progress() { progress "$(bytes_in "$staging/data")" "$bytes"; }

# Says whether an earlier run brought it: is_fetched UNIT SOURCE
is_fetched() { ! unit_active "$1" && [ -f "$staging/complete" ] && [ "$(as_service_user cat "$staging/source")" = "$2" ]; }

# fetch_backup UNIT SOURCE
fetch_backup() {
    read_owner
    if unit_active "$1" && [ "$(as_service_user cat "$staging/source")" = "$2" ]; then
        note "joined the restore that was already running"
    elif ! is_fetched "$1" "$2"; then
        new_staging "$2"
        writable="$staging
$top
$tool_log
$(places_here)"
        systemctl reset-failed "$1" 2>/dev/null || :
        # The program comes in a variable: in an argument systemd would expand what looks like one of its own.
        # shellcheck disable=SC2016 # expanded by the shell of the unit
        start_unit "$1" --setenv=program="$program" --setenv=top="$top" --setenv=ids="$ids" --setenv=reader="$reader" \
            --setenv=cluster="$cluster" --setenv=work="$staging" --setenv=bindir="$bindir" --setenv=wal_directory="$wal_directory" \
            /bin/sh -c 'eval "$program"' >&2 || fail "cannot start the restore"
    fi
    follow "$1" "$staging/complete" "$staging/log" ||
        fail "the backup ${ids##* } could not be restored: $(as_service_user tail -n 1 "$staging/log")"
    found=$(control_field "$staging/data" 'Database system identifier')
    [ "$found" = "$system_id" ] || fail "the backup ${ids##* } could not be restored: expected system identifier $system_id, found ${found:-none}"
}

# The backup is read.
hold_backup() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'printf "%s\n" "$2" >"$1"' sh "$top/restores/$reader" "$ids" || fail "cannot write $top/restores/$reader"
}

# The backup is not read any more.
release() { as_service_user rm -f "$top/restores/$reader"; }
