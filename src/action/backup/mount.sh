# Makes the cluster's place on the backup file system; its marker tells that it is there and whose it is.
# In: mount top
main() {
    timeout 10 mountpoint -q "$mount" || refused "a file system mounted on $mount" "none"
    system_id=$(control_field "$data_directory" 'Database system identifier')
    [ -n "$system_id" ] || fail "cannot read the system identifier of $data_directory"
    found=$(ls -A "$top/" 2>&1) || case $found in
        *'No such file'*) found= ;;
        *) fail "cannot read $top: ${found##*: }" ;;
    esac
    if [ -f "$top/.pgrepl" ]; then
        check_owner
        already
        return
    fi
    [ -z "$found" ] || refused "nothing in $top" "something"
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    timeout 30 sh -c 'mkdir -p "$1/wal" "$1/base" && printf "%s\ntoken=%s\n" "$2" "$(cat /proc/sys/kernel/random/uuid)" >"$1/.pgrepl.new" &&
        sync "$1/.pgrepl.new" && mv "$1/.pgrepl.new" "$1/.pgrepl" && sync "$1"' sh "$top" "$system_id" ||
        fail "the service user $service_user (uid $(id -u)) cannot write to $mount: on the file server, give it to that uid"
    ok
}
