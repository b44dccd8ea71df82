# Renames a data directory out of the way; it is never deleted.
# In: system_id (of what is expected there)
main() {
    ! postmaster_pid >/dev/null || refused "no server in $data_directory" "one that runs"
    [ -d "$data_directory" ] || {
        already
        return
    }
    found=$(control_field "$data_directory" 'Database system identifier')
    [ "$found" = "$system_id" ] || refused "system identifier $system_id in $data_directory" "$found"
    aside=$data_directory.pgrepl-$(date -u +%Y%m%dT%H%M%SZ)
    mv "$data_directory" "$aside"
    sync
    ok "$aside"
}
