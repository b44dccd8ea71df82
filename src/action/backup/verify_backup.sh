# Verifies a backup, and those it builds on: every file against its checksum.
# In: as sums.sh, and top id ids (those it builds on, then itself)
main() {
    place=$top/base/$id
    read_owner
    [ -f "$place/info" ] || refused "the backup $id" "none of that name"
    broken=
    for part in $ids; do
        bad=$(damaged_files "$top/base/$part") || fail "backup $part cannot be read"
        broken="$broken${bad:+ $bad}"
    done
    [ -z "$broken" ] || fail "backup $id is damaged:$(printf '%s' "$broken" | tr '\n' ' ')"
    { date +%s >"$place/verified.new" && mv "$place/verified.new" "$place/verified"; } ||
        fail "the backup $id is good, but cannot be noted as verified: $place cannot be written"
    ok "every checksum is right"
}
