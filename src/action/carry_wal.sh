# Carries WAL segments from a stopped primary to a standby that did not receive them.
# In: verb (read, place) segments (names) wal_directory wal (a compressed archive in base64)
main() {
    cd "$data_directory/$wal_directory"
    case $verb in
        read)
            ! postmaster_pid >/dev/null || refused "a stopped server" "one that runs"
            for segment in $segments; do
                [ -f "$segment" ] || fail "the WAL segment $segment is not there any more"
            done
            # shellcheck disable=SC2086
            fact wal "$(tar -cf - -- $segments | gzip -1 | base64 -w 0)"
            already "$segments"
            ;;
        place)
            # Beside its place, complete and synced, before it gets its name.
            as_service_user mkdir -p .pgrepl
            printf '%s' "$wal" | base64 -d | gzip -d | as_service_user tar --no-same-permissions -xf - -C .pgrepl || fail "cannot place WAL: no space left"
            for segment in $segments; do
                sync ".pgrepl/$segment"
                mv -f ".pgrepl/$segment" "$segment" || fail "cannot place $segment"
            done
            rmdir .pgrepl
            sync .
            ok "$segments"
            ;;
    esac
}
