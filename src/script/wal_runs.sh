# shellcheck shell=sh
# What is told of every archive, whatever engine keeps it.
# In: top

# Tells of the WAL files of a directory, which may be below it: their runs, and when they came. A file of a segment has a
# name that begins with that of the segment: list_wal DIRECTORY PATTERN SIZE
list_wal() {
    find "$1" -type f -name "$2" -size +0 -printf '%f %T@\n' 2>/dev/null |
        sed -n 's/^\([0-9A-F]\{24\}\)\(\.gz\|-[0-9a-f]*\(\.[a-z0-9]*\)\{0,1\}\)\{0,1\} \([0-9]*\).*/\1 \4/p' | wal_runs "$3"
}

# Ends unless the entries of a directory can be read: one that is closed is not empty. A directory that went away meanwhile
# has none: lists DIRECTORY
lists() {
    said=$(ls "$1/" 2>&1 >/dev/null) || case $said in
        *'No such file'*) return 1 ;;
        *) fail "cannot read $1: ${said##*: }" ;;
    esac
}

# Segments and when each came, one a line, of a size or an unknown one; each run without a gap is one line, its first and
# its last: wal_runs SIZE
wal_runs() {
    if [ "${1:-0}" -lt 1048576 ]; then set -- 16777216; else fact segment_size "$1"; fi
    sort -u -k 1,1 | awk -v per="$((4294967296 / $1))" "$awk_fact"'
        function value(hex, n, i) { n = 0; for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1; return n }
        function tell() {
            fact("wal", first " " previous)
            fact("arrived", first " " first_came)
            if (previous != first) fact("arrived", previous " " came)
        }
        {
            timeline = substr($1, 1, 8)
            number = value(substr($1, 9, 8)) * per + value(substr($1, 17, 8))
            if (timeline != before || number != last + 1) { if (NR > 1) tell(); first = $1; first_came = $2 }
            before = timeline; last = number; previous = $1; came = $2
            if ($2 > newest) newest = $2
        }
        END { if (NR > 0) { tell(); fact("wal_until", newest) } }' >&7
}

# Tells of the histories of timelines, and when they came.
list_history() {
    for history in "$@"; do
        [ -f "$history" ] || continue
        name=${history##*/}
        name=${name%.gz}
        fact history_came "$name $(stat -c %Y "$history")"
        case $history in
            *.gz) gzip -dc "$history" ;;
            *) cat "$history" ;;
        esac | fact_lines history_line "$name"
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
