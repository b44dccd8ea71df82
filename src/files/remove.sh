# shellcheck shell=sh
# Removes backups, then WAL.
# In: top

remove_backups() {
    # Newest first, because names are moments: what goes may build on what goes too.
    for id in $(printf '%s\n' "$@" | sort -r); do
        [ -f "$top/base/$id/info" ] || continue
        # What another one builds on stays, whatever was decided.
        if grep -lsx "parent=$id" "$top"/base/*/info | grep -qv '\.removing/info$'; then continue; fi
        # Half removed, it must not look like a backup.
        mv "$top/base/$id" "$top/base/$id.removing"
    done
    sync "$top/base"
    for half in "$top"/base/*.removing; do
        if [ -d "$half" ]; then rm -rf "$half"; fi
    done
}

# Removes the segments before a position, the part of a segment's name behind the timeline; histories stay for ever.
remove_wal() {
    # In C order, hexadecimal text of one length sorts as its numbers do.
    # shellcheck disable=SC2012 # names of ours, no surprises
    old=$(ls "$top/wal" | sed -n '/^[0-9A-F]\{24\}/p' | awk -v before="$1" 'substr($0, 9, 16) "" < before ""')
    removed=0
    for segment in $old; do
        rm -f "$top/wal/$segment"
        removed=$((removed + 1))
    done
    # What archivers left that were killed.
    find "$top/wal" -name '.[0-9A-F]*' -mmin +1440 -exec rm -f {} +
    sync "$top/wal"
}
