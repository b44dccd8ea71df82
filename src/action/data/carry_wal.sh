# Carries WAL segments from a stopped primary to a standby that did not receive them.
# In: verb (read, place) segments (names) segment_size (bytes) wal_directory wal (a compressed archive in base64)
main() {
    # Whatever is there is the service user's, and by him it is read and written.
    there="$data_directory/$wal_directory"
    case $verb in
        read)
            ! postmaster_pid >/dev/null || refused "a stopped server" "one that runs"
            for segment in $segments; do
                as_service_user test -f "$there/$segment" || fail "the WAL segment $segment is not there any more"
            done
            # shellcheck disable=SC2086
            fact wal "$(as_service_user tar -C "$there" -cf - -- $segments | gzip -1 | base64 -w 0)"
            already "$segments"
            ;;
        place)
            # Beside its place, complete and synced, before it gets its name; what failed before leaves nothing of it.
            trap 'as_service_user rm -rf "$there/.pgrepl"' EXIT
            as_service_user rm -rf "$there/.pgrepl"
            as_service_user mkdir "$there/.pgrepl"
            # Another host packed it: only what was asked for is unpacked, and only files of the size of a segment are placed.
            # shellcheck disable=SC2086
            set -- $segments
            # shellcheck disable=SC2086
            printf '%s' "$wal" | base64 -d | gzip -d | head -c "$(($# * (segment_size + 4096) + 65536))" | as_service_user tar --no-same-permissions --occurrence=1 -xf - -C "$there/.pgrepl" -- $segments ||
                fail "cannot place WAL: no space left, or it is not whole"
            for segment in $segments; do
                [ "$(as_service_user stat -c '%F %s' "$there/.pgrepl/$segment")" = "regular file $segment_size" ] ||
                    fail "cannot place $segment: expected a file of $segment_size bytes"
                as_service_user sync "$there/.pgrepl/$segment"
                as_service_user mv -fT "$there/.pgrepl/$segment" "$there/$segment" || fail "cannot place $segment"
            done
            as_service_user rmdir "$there/.pgrepl" 2>/dev/null || :
            as_service_user sync "$there"
            ok "$segments"
            ;;
    esac
}
