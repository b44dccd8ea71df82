# Starts a restored server and waits until it has recovered to its target and accepts writes.
# In: wal_directory marker end (as ended.sh)

# It recovered in the language that is read here, which is over now.
speak_again() {
    auto=$data_directory/postgresql.auto.conf
    if as_service_user grep -qsx "lc_messages = 'POSIX'" "$auto"; then
        # shellcheck disable=SC2016 # expanded by the shell it is given to
        as_service_user sh -c 'umask 077
            { grep -vx "lc_messages = .POSIX." "$1" >"$1.new" || [ "$?" = 1 ]; } && mv -f "$1.new" "$1"' sh "$auto" ||
            fail "cannot write $auto: no space left"
        sql 'select pg_reload_conf()' >/dev/null
    fi
}

main() {
    if accepts_connections && [ "$(sql 'select pg_is_in_recovery()')" = f ]; then
        speak_again
        already
        return
    fi
    mark=$(date -u '+%Y-%m-%d %H:%M:%S')
    # Only what the server says from now on is about this recovery.
    old_log=$(server_log)
    before=$(as_service_user cat "$old_log" 2>/dev/null | wc -c) || before=0
    since() {
        new_log=$(server_log)
        [ "$new_log" = "$old_log" ] || before=0
        if [ -f "$new_log" ]; then as_service_user tail -c "+$((before + 1))" "$new_log"; fi
    }
    if ! postmaster_pid >/dev/null; then
        [ -f "$data_directory/$marker" ] || refused "a restored instance with $marker" "none"
        begin_start start
    fi
    until accepts_connections && [ "$(sql 'select pg_is_in_recovery()' 2>/dev/null)" = f ]; do
        start_goes_on || {
            if since | recovers_to_end "$(as_service_user cat "$data_directory/postgresql.auto.conf")"; then
                forget_start
                forget_keys "$data_directory/postgresql.auto.conf" 'recovery_target recovery_target_time recovery_target_lsn'
                begin_start start
                continue
            fi
            since | tail -n 15 >&2
            [ -z "$unit" ] || systemctl status --no-pager --lines 5 "$unit" >&2 || :
            forget_start
            fail "the recovery ended without reaching its target: $(since | why_recovery_ended)"
        }
        sleep 0.1
    done
    end_start_script
    speak_again
    # While it archived nothing it made the history of its new timeline; the archive needs that to lead on from here.
    for history in "$data_directory/$wal_directory"/*.history; do
        status=$data_directory/$wal_directory/archive_status/${history##*/}
        if [ -f "$history" ] && [ ! -e "$status.done" ] && [ ! -e "$status.ready" ]; then
            put "$status.ready" ''
        fi
    done
    if short=$(ended_short "$history"); then
        fail "the recovery ended at $short, and the archive goes on behind that: a segment is missing or damaged there"
    fi
    # Before 13 a recovery that does not find its target ends at the end of the archive without a word.
    case $(as_service_user cat "$history" 2>/dev/null | awk 'NF { line = $0 } END { print line }' | cut -f 3) in
        'before transaction 0' | 'at restore point ""') fail "the archive does not have the target" ;;
    esac
    # What the server itself says it did; its log is the only place where it does.
    said=$(since | sed -n 's/.*LOG: *\(recovery stopping .*\)/\1/p; s/.*LOG: *\(last completed transaction was .*\)/\1/p' | tail -n 2 | tr '\n' ';')
    now=$(sql 'select timeline_id from pg_control_checkpoint()')
    echo "begun at $mark UTC, timeline $now now"
    ok "${said%;}"
}
