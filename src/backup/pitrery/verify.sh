# Verifies backups as far as pitrery's can be: it keeps no checksums, so it is the sums of gzip that are read, of the
# backups and of every archived segment from their beginning on.
# In: top ids (names, separated by blanks)
main() {
    read_owner
    for id in $ids; do
        whole "$id" || fail "backup $id is not whole"
        first=$(label_of "$id" | sed -n 's/^START WAL LOCATION: .*file \([0-9A-F]*\).*/\1/p') || first=
        [ -n "$first" ] || fail "the archive does not have the label of backup $id"
        for part in "$repository/$id"/*.tar.gz "$repository/$id"/tblspc/*.tar.gz "$repository/archived_wal"/*.gz; do
            [ -f "$part" ] || continue
            case $part in
                "$repository/archived_wal"/*)
                    name=${part##*/}
                    if [ "$(printf '%s\n%s\n' "$name" "$first" | sort | head -n 1)" = "$name" ] && [ "$name" != "$first.gz" ]; then continue; fi
                    ;;
            esac
            gzip -t "$part" 2>/dev/null || fail "damaged: ${part#"$repository"/}"
        done
        [ -f "$repository/archived_wal/$first.gz" ] || fail "the first WAL of backup $id, $first, is not in the archive"
    done
    for id in $ids; do note_backup "$id" "verified=$(date +%s)"; done
    ok "every archive unpacks; pitrery keeps no checksums of files"
}
