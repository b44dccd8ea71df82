# Stops the server through its service manager, so that nothing starts it again, and reads what it left.
# In: seconds (patience) role (primary, standby or any) system_id waits (yes: for the word that clients wait)
#     address (that the host gives up then: IP/PREFIX, or nothing)

# Everything is at hand when the word comes: clients wait from then on.
word_comes() {
    fact armed yes
    while IFS=' ' read -r word _ <&6; do
        case $word in
            ping) fact pong yes ;;
            go) return 0 ;;
            *) return 1 ;;
        esac
    done
    return 1
}

# After the server: it has ended its sessions itself, over this address, and whoever comes meanwhile is turned away at once. Without
# it neither would hear anything, and wait. Nobody else is told to lead before it is gone.
give_up_address() {
    if [ -n "$address" ] && ! drop_address; then fail "the server has stopped, and $address cannot be taken away"; fi
}

main() {
    if pid=$(postmaster_pid); then
        if [ "$role" != any ] && recovers=$(sql 'select pg_is_in_recovery()'); then
            case $role$recovers in
                primaryf | standbyt) ;;
                *) refused "a $role" "a server whose pg_is_in_recovery() is $recovers" ;;
            esac
        fi
        # A unit that is asked to stop while it still starts kills the server slowly instead of stopping it.
        wait_for 60 manager_rests || :
        find_readers
        if [ "$waits" = yes ] && ! word_comes; then refused "clients that wait" "some that do not"; fi
        ask_manager stop >&2 || fail "the service manager does not stop ${unit:-the server}"
        patience=$(($(date +%s) + seconds))
        while [ -d "/proc/$pid" ]; do
            [ "$(date +%s)" -le "$patience" ] || fail "the server did not stop within $seconds s"
            sleep 0.02
        done
        end_watch
        done=ok
    else
        done=already
    fi
    # Read once: clients wait for it.
    if [ "$role" = primary ]; then
        control=$(as_service_user "$bindir/pg_controldata" "$data_directory") || fail "pg_controldata does not tell how the server stopped"
        read_control() { printf '%s\n' "$control" | sed -n "s/^$1: *//p"; }
        found=$(read_control 'Database system identifier')
    else
        found=$(control_field "$data_directory" 'Database system identifier')
    fi
    [ "$found" = "$system_id" ] || refused "system identifier $system_id" "$found"
    if [ "$role" = primary ]; then
        state=$(read_control 'Database cluster state')
        [ "$state" = 'shut down' ] || fail "the server did not stop cleanly: its control file says \"$state\""
        checkpoint=$(read_control 'Latest checkpoint location')
        redo=$(read_control "Latest checkpoint's REDO location")
        [ "$checkpoint" = "$redo" ] || fail "the last checkpoint, $checkpoint, is no shutdown checkpoint: its REDO location is $redo"
        give_up_address
        fact shutdown "$checkpoint"
        "$done" "its last record, the shutdown checkpoint, begins at $checkpoint"
    else
        give_up_address
        "$done"
    fi
}

exec 6<&0
