# shellcheck shell=sh
# What is told of every archive, whatever engine keeps it.
# In: top

# Ends unless the entries of a directory can be read: one that is closed is not empty. A directory that went away meanwhile
# has none: lists DIRECTORY
lists() {
    said=$(ls "$1/" 2>&1 >/dev/null) || case $said in
        *'No such file'*) return 1 ;;
        *) fail "cannot read $1: ${said##*: }" ;;
    esac
}

# When the newest segment of a directory arrived: wal_age DIRECTORY PATTERN
wal_age() {
    newest=$(find "$1" -name "$2" -size +0 -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1)
    if [ -n "$newest" ]; then fact wal_until "${newest%%.*}"; fi
}

# Segments, one name a line, of a size or an unknown one; each run without a gap is one line, its first and its last:
# wal_runs SIZE
wal_runs() {
    if [ "${1:-0}" -lt 1048576 ]; then set -- 16777216; else fact segment_size "$1"; fi
    sort -u | awk -v per="$((4294967296 / $1))" '
        function value(hex, n, i) { n = 0; for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1; return n }
        {
            timeline = substr($0, 1, 8)
            number = value(substr($0, 9, 8)) * per + value(substr($0, 17, 8))
            if (timeline != before || number != last + 1) { if (NR > 1) print "@fact wal " first " " previous; first = $0 }
            before = timeline; last = number; previous = $0
        }
        END { if (NR > 0) print "@fact wal " first " " previous }' >&7
}

list_history() {
    for history in "$@"; do
        if [ -f "$history" ]; then awk -v name="${history##*/}" '{ print "@fact history_line " name "\t" $0 }' "$history" >&7; fi
    done
}

# What restores read now.
list_restores() {
    lists "$top/restores" || return 0
    for restore in "$top"/restores/*; do
        [ -f "$restore" ] || continue
        if said=$(cat "$restore"); then
            fact restore "${restore##*/} $said"
        else
            [ ! -e "$restore" ] || fail "cannot read $restore"
        fi
    done
}
