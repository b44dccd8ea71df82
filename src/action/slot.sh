# Creates or drops a physical replication slot.
# In: verb slot
main() {
    case $verb in
        create)
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
            # A standby that left the inventory may still stream; without its slot it cannot come back.
            sql "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '$slot' and active" >/dev/null
            unused() { [ "$(sql "select active from pg_replication_slots where slot_name = '$slot'")" = f ]; }
            wait_for 10 unused || fail "cannot drop the slot $slot: someone streams through it"
            sql "select pg_drop_replication_slot('$slot')" >/dev/null || fail "cannot drop the slot $slot"
            ;;
    esac
    ok
}
