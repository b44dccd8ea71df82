# shellcheck shell=sh
# Which backups lead to the timeline that the cluster lives on, and which are kept.
# In: keep (count or days) keep_number, for first_kept

number_of() { printf '%s' "$((0x${1%/*} * 4294967296 + 0x${1#*/}))"; }

# Takes the newest history in these directories as that of the cluster; ends with another code than 0 where they cannot be
# read, which is not taken for a cluster that is on its first timeline: read_history DIRECTORY...
read_history() {
    live=1 line='' newest=''
    for place in "$@"; do
        ls "$place/" >/dev/null || return
        for history in "$place"/*.history "$place"/*.history.gz; do
            if [ -f "$history" ]; then newest=$history; fi
        done
    done
    case $newest in
        '') return 0 ;;
        *.gz) line=$(gzip -dc "$newest") || return ;;
        *) line=$(cat "$newest") || return ;;
    esac
    live=${newest##*/}
    live=$((0x${live%%.*}))
}

# Tells yes of a backup on the way to that timeline, else no: on_the_way TIMELINE STOP (where it ends)
on_the_way() {
    fork=$(printf '%s\n' "$line" | awk -v timeline="$1" '$1 == timeline { print $2; exit }')
    if [ "$1" -ge "$live" ]; then
        echo yes
    elif [ -n "$fork" ] && [ "$(number_of "$fork")" -ge "$(number_of "$2")" ]; then
        echo yes
    else
        echo no
    fi
}

# Names the oldest backup that is kept, of lines `ID ENDED yes` or `no`, oldest first; nothing when nothing goes. By days,
# the newest that is older stays too where these days begin with it: first_kept BRIDGES (1 or 0)
first_kept() {
    awk -v keep="$keep" -v number="$keep_number" -v now="$(date +%s)" -v bridges="$1" '
        $3 == "yes" { n++; id[n] = $1; ended[n] = $2 }
        END {
            if (keep == "count") first = n - (number < 1 ? 1 : number) + 1
            else {
                first = 1
                while (first <= n && now - ended[first] > number * 86400) first++
                first -= bridges
                if (first < 1) first = 1
                if (first > n) first = n
            }
            if (first >= 1 && first <= n) print id[first]
        }'
}
