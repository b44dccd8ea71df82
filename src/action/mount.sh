# Makes the cluster's place on the backup file system; its marker tells that it is there and whose it is.
# In: mount top
main() {
    timeout 10 mountpoint -q "$mount" || refused "a file system mounted on $mount" "none"
    system_id=$(control_field "$data_directory" 'Database system identifier')
    [ -n "$system_id" ] || fail "cannot read the system identifier of $data_directory"
    if [ -f "$top/.pgrepl" ]; then
        found=$(head -n 1 "$top/.pgrepl")
        [ "$found" = "$system_id" ] || refused "the archive of cluster $system_id in $top" "that of $found"
        already
        return
    fi
    [ ! -e "$top" ] || [ -z "$(ls -A "$top")" ] || refused "nothing in $top" "something"
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user timeout 30 sh -c 'umask 077 && mkdir -p "$1/wal" "$1/base" && printf "%s\ntoken=%s\n" "$2" "$(cat /proc/sys/kernel/random/uuid)" >"$1/.pgrepl.new" &&
        sync "$1/.pgrepl.new" && mv "$1/.pgrepl.new" "$1/.pgrepl" && sync "$1"' sh "$top" "$system_id" ||
        fail "the service user cannot write to $mount"
    ok
}
