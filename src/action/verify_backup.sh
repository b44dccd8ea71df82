# Verifies a backup, and those it builds on: every file against its checksum.
# In: top id ids (those it builds on, then itself) sums (the functions of sums.sh)
main() {
    place=$top/base/$id
    [ -f "$place/info" ] || refused "the backup $id" "none of that name"
    # As the service user: what it cannot read, no restore could.
    broken=
    for part in $ids; do
        bad=$(as_service_user sh -c "$sums
damaged_files \"\$1\"" sh "$top/base/$part") || fail "backup $part cannot be read"
        broken="$broken${bad:+ $bad}"
    done
    [ -z "$broken" ] || fail "backup $id is damaged:$(printf '%s' "$broken" | tr '\n' ' ')"
    # As the service user too: the directory is his, and he could have put a link there.
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'umask 077 && date +%s >"$1/verified.new" && mv "$1/verified.new" "$1/verified"' sh "$place" ||
        fail "the backup $id is good, but cannot be noted as verified: $place cannot be written"
    ok "every checksum is right"
}
