# Creates or drops a physical replication slot, or drops a logical one that was left on a standby.
# In: verb slot unsure (SQL: whether a slot of that name is dropped first, if nobody uses it)
main() {
    case $verb in
        create)
            sql "select pg_drop_replication_slot(slot_name) from pg_replication_slots
                where slot_name = '$slot' and slot_type = 'physical' and not active and ($unsure)" >/dev/null ||
                fail "cannot drop the slot $slot, which has lost its WAL"
            if [ "$(sql "select count(*) from pg_replication_slots where slot_name = '$slot'")" = 1 ]; then
                already
                return
            fi
            sql "select pg_create_physical_replication_slot('$slot', true)" >/dev/null || fail "cannot create the slot $slot"
            ;;
        drop)
            if [ "$(sql "select count(*) from pg_replication_slots where slot_name = '$slot'")" = 0 ]; then
                already
                return
            fi
            # A standby that left the inventory may still stream, and comes back at once; without its slot it cannot.
            gone() {
                sql "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '$slot' and active" >/dev/null
                sql "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '$slot' and not active" >/dev/null || :
                [ "$(sql "select count(*) from pg_replication_slots where slot_name = '$slot'")" = 0 ]
            }
            wait_for 10 gone || fail "cannot drop the slot $slot: someone streams through it"
            ;;
        drop_left)
            # The server's own process makes one of that name as soon as it can.
            left="slot_name = '$slot' and slot_type = 'logical' and failover and not synced and pg_is_in_recovery()"
            lies() { [ "$(sql "select count(*) from pg_replication_slots where $left")" != 0 ]; }
            if ! lies; then
                already
                return
            fi
            sql "select pg_drop_replication_slot(slot_name) from pg_replication_slots where $left and not active" >/dev/null ||
                fail "cannot drop the logical slot $slot"
            ! lies || fail "cannot drop the logical slot $slot: someone reads it"
            ;;
    esac
    ok
}
