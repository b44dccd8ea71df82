# Verifies backups, and those they build on: every file against its checksum.
# In: as sums.sh, and top ids (names, separated by blanks)

# Fails when any file of a backup, or of one that it builds on, is damaged: verify ID
verify() {
    part=$1 broken='' checked=' '
    while [ -n "$part" ]; do
        [ -f "$top/base/$part/info" ] || refused "the backup $part" "none of that name"
        bad=$(damaged_files "$top/base/$part") || fail "backup $part cannot be read"
        broken="$broken${bad:+ $bad}"
        checked="$checked$part "
        part=$(sed -n 's/^parent=//p' "$top/base/$part/info") || fail "backup $part cannot be read"
        case $checked in *" $part "*) fail "backup $1 builds on itself: $part" ;; esac
    done
    [ -z "$broken" ] || fail "backup $1 is damaged:$(printf '%s' "$broken" | tr '\n' ' ')"
}

main() {
    read_owner
    for id in $ids; do
        verify "$id"
        place=$top/base/$id
        { date +%s >"$place/verified.new" && mv "$place/verified.new" "$place/verified"; } ||
            fail "the backup $id is good, but cannot be noted as verified: $place cannot be written"
    done
    ok "every checksum is right"
}
