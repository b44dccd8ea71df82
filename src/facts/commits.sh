# shellcheck shell=sh
# Counts the transactions that a server has committed since a position.
# In: timeline from (position) waldump (program) wal_directory
main() {
    # Where the WAL ends it complains; one that goes on for too long is not counted.
    commits=$({
        cd /
        as_service_user timeout 20 "$bindir/$waldump" -p "$data_directory/$wal_directory" -t "$timeline" -s "$from" -r Transaction || echo "ended $?"
    } 2>/dev/null | awk '
        / desc: COMMIT/ { commits++ }
        $1 == "ended" && $2 == 124 { late = 1 }
        END { if (NR && !late) print commits + 0 }')
    [ -z "$commits" ] || fact commits "$commits"
}
