# Waits until a standby streams from this server and has what this server had.
# In: standby (application name) here (SQL: this server's position) column (flush or replay position) slot
streaming() {
    [ "$(sql "select count(*) from pg_stat_replication where application_name = '$standby' and state = 'streaming'")" != 0 ]
}
arrived() {
    [ "$(sql "select count(*) from pg_stat_replication where application_name = '$standby' and $column >= '$position'")" != 0 ]
}
main() {
    wait_for 120 streaming || fail "$standby does not stream from here within 120 s"
    position=$(sql "select $here")
    wait_for 300 arrived || fail "$standby streams, but did not reach $position within 300 s"
    ok "$position"
}
