# Verifies archived segments: each can be read to its end, and the long header of its first page has the cluster's
# identifier and the segment's own address.
# In: top from (position part of a segment's name)
main() {
    read_owner
    wanted=$owner
    listed=$(ls "$top/wal/") || fail "cannot read $top/wal"
    damaged='' good=0
    for file in $(printf '%s\n' "$listed" | sed -n '/^[0-9A-F]\{24\}\(\.gz\)\{0,1\}$/p' | awk -v from="$from" 'substr($0, 9, 16) "" >= from ""'); do
        # Removed by somebody meanwhile, it is not missed.
        [ -f "$top/wal/$file" ] || continue
        if ! gzip -dcf "$top/wal/$file" >/dev/null 2>&1; then
            damaged="$damaged $file"
            continue
        fi
        # shellcheck disable=SC2046 # numbers
        set -- $(gzip -dcf "$top/wal/$file" 2>/dev/null | od -An -v -t u8 -N 40 | tr '\n' ' ')
        # Bytes 8 to 15 are the address of the page, its upper half the first part of the segment's number.
        if [ "${4:-}" != "$wanted" ] || [ "$(printf '%08X' "$((${2:-0} >> 32))")" != "$(printf '%.16s' "$file" | cut -c 9-)" ]; then
            damaged="$damaged $file"
        else
            good=$((good + 1))
        fi
    done
    [ -z "$damaged" ] || fail "archived WAL is damaged:$damaged"
    ok "$good segments are whole"
}
