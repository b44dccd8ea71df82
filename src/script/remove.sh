# shellcheck shell=sh
# Removes backups, then WAL.
# In: top

# Tells what builds on what as `known`, lines `ID PARENT`; what cannot be read is not taken for what builds on nothing, and ends
# it with `why`.
who_builds() {
    known='' why="cannot read $top/base"
    names=$(ls "$top/base/") || return
    for id in $names; do
        case $id in *.removing) continue ;; esac
        [ -d "$top/base/$id" ] || continue
        why="cannot read what backup $id builds on"
        there=$(ls "$top/base/$id/") || return
        # Half begun, or a backup of somebody else.
        if printf '%s\n' "$there" | grep -qx info; then
            parent=$(sed -n 's/^parent=//p' "$top/base/$id/info") || return
            known="$known$id $parent
"
        fi
    done
}

# In: known, from who_builds
remove_backups() {
    # Newest first, because names are moments: what goes may build on what goes too.
    for id in $(printf '%s\n' "$@" | sort -r); do
        [ -f "$top/base/$id/info" ] || continue
        # What another one builds on stays, whatever was decided.
        if printf '%s' "$known" | awk -v id="$id" '$2 "" == id "" { found = 1 } END { exit !found }'; then continue; fi
        # Half removed, it must not look like a backup.
        mv "$top/base/$id" "$top/base/$id.removing" || return 1
        known=$(printf '%s' "$known" | awk -v id="$id" '$1 "" != id ""' && echo .)
        known=${known%.}
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
