# shellcheck shell=sh
# A segment of a timeline that was left holds what nobody who left it may replay. As long as the archive does not have that
# segment of the newer timeline, a server would replay all of it, and could follow nobody afterwards.

# Cuts a segment where the timeline that is recovered to, or for a standby the newest one, left that of its name; ends with
# 1 when nothing of it is left: cut_at_fork NAME PATH USE HISTORY...
cut_at_fork() {
    segment=$1 place=$2
    case $3 in
        standby) wanted='????????' ;;
        recovery-*) wanted=$(printf '%08X' "${3#recovery-}") ;;
        *) return 0 ;;
    esac
    case $segment in *[!0-9A-F]*) return 0 ;; esac
    shift 3
    line=
    for history in "$@"; do
        # shellcheck disable=SC2254 # a pattern
        case ${history##*/} in $wanted.history | $wanted.history.gz) [ ! -f "$history" ] || line=$history ;; esac
    done
    case $line in
        '') return 0 ;;
        *.gz) line=$(gzip -dc "$line") || return 2 ;;
        *) line=$(cat "$line") || return 2 ;;
    esac
    position=${segment#????????}
    timeline=$((0x${segment%"$position"}))
    fork=$(printf '%s\n' "$line" | awk -v timeline="$timeline" '$1 == timeline { print $2; exit }')
    [ -n "$fork" ] || return 0
    size=$(stat -c %s "$place") || return 2
    fork=$((0x${fork%/*} * 4294967296 + 0x${fork#*/}))
    begin=$((0x${position%????????} * 4294967296 + 0x${position#????????} * size))
    if [ "$fork" -le "$begin" ]; then
        rm -f "$place"
        return 1
    fi
    if [ "$fork" -lt "$((begin + size))" ]; then
        truncate -s "$((fork - begin))" "$place" && truncate -s "$size" "$place" || return 2
    fi
}
