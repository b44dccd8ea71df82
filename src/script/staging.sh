# A directory beside the data directory in which a copy grows until it is complete. What is around it may belong to the
# service user: so it is made, written and emptied by him, and root follows nothing that he put there.
# In: staging system_id tablespaces (lines: what it is there TAB its place here) named (places of tablespaces that the inventory
#     names, and those that are pgrepl's own: paths, one a line)

# Says whether a place was chosen by whom root works for: what another host or the mount names root neither makes nor gives away.
is_named() { printf '%s\n' "$named" | grep -qxF -e "$1"; }

places_here() { printf '%s' "$tablespaces" | cut -f 2; }

# Gives him an empty directory that somebody else made, or the file system that is mounted there: give PLACE WHAT
give() {
    [ "$(stat -L -c %U "$1")" != "$service_user" ] || return 0
    is_named "$1" || [ "${1%/*}" = "$data_directory" ] || fail "the place of $2 does not belong to $service_user: $1"
    own_mount "$1"
    [ "$(stat -L -c %U "$1")" != "$service_user" ] || return 0
    { ! is_his "${1%/*}" && chown -h "$service_user:$service_user" "$1"; } || fail "the place of $2 does not belong to $service_user: $1"
}

# Makes a place if there is none, and his: own_place PLACE WHAT
own_place() {
    if [ -d "$1" ]; then
        give "$1" "$2"
        own_lost "$1"
    elif is_named "$1"; then
        make_way "${1%/*}"
        own_directory "$1"
    else
        as_service_user mkdir -p "$1" || fail "$service_user cannot make the place of $2: $1"
    fi
}

# A directory beside a place, empty: new_beside PLACE
new_beside() {
    make_room "$1"
    as_service_user rm -rf "$1/.pgrepl/pgsql_tmp/new" || fail "cannot remove $1/.pgrepl/pgsql_tmp/new"
    own_directory "$1/.pgrepl/pgsql_tmp/new"
}

# The places of tablespaces must be empty, and what is copied goes there; where a file system has something of its own, or a
# link leads there, it goes beside them. What a cut copy of ours left there goes with it.
make_tablespaces() {
    used=
    # A here-document, so that the loop is not a shell of its own.
    while IFS='	' read -r origin place; do
        [ -n "$place" ] || continue
        own_place "$place" 'a tablespace'
        gather "$place" "PG_${major}_*"
        if [ -n "$(ls -A "$place" 2>/dev/null)" ]; then
            { fixed "$place" && vacant "$place" "PG_${major}_*"; } || fail "the place of a tablespace is not empty: $place"
            new_beside "$place"
            place=$(inside "$place" new)
        fi
        as_service_user chmod 700 "$place"
        used="$used$origin	$place
"
    done <<-LIST
	$tablespaces
	LIST
    tablespaces=$used
    put "$staging/tablespaces" "$tablespaces"
}

# WAL that is elsewhere than the data stays there: what comes goes beside its place, to wal_apart.
# In: wal_place (where its WAL goes, if that is not in the data directory)
make_wal() {
    wal_apart=
    [ -n "$wal_place" ] || return 0
    own_place "$wal_place" WAL
    gather "$wal_place" '*'
    vacant "$wal_place" || fail "the place of WAL is not empty: $wal_place"
    new_beside "$wal_place"
    wal_apart=$(inside "$wal_place" new)
    put "$staging/wal" "$wal_place"
}

# Removes from the places what a copy that is not the data directory's has there.
forget_parts() {
    begun=$(as_service_user cut -f 2 "$staging/tablespaces" 2>/dev/null) || :
    while IFS= read -r place; do
        if [ -d "$place" ]; then (cd / && as_service_user find "$place/" -mindepth 1 -maxdepth 1 -name 'PG_*' -exec rm -rf {} +); fi
        over=$(place_of "$place")
        if [ "$over" = "$place" ] || [ "$over" = "$data_directory" ]; then continue; fi
        (cd / && as_service_user find "$over/" -mindepth 1 -maxdepth 1 -name "PG_${major}_*" -exec rm -rf {} +)
    done <<-LIST
	$begun
	LIST
    over=$(as_service_user cat "$staging/wal" 2>/dev/null) || return 0
    [ ! -f "$data_directory/PG_VERSION" ] || return 0
    (cd / && as_service_user find "$over/" -mindepth 1 -maxdepth 1 ! -name .pgrepl ! -name lost+found -exec rm -rf {} +)
    as_service_user rm -rf "$over/.pgrepl/pgsql_tmp/new"
}

# Makes it anew: new_staging SOURCE
new_staging() {
    if [ -e "$staging" ]; then
        # Only what a copy of ours left half done, which is empty before it has its mark; anything else is not ours.
        if [ ! -f "$staging/source" ]; then
            as_service_user rm -f "$staging/source.put"
            by_owner "${staging%/*}" rmdir "$staging" 2>/dev/null || refused "$staging missing or a copy of pgrepl" "something else"
        fi
    fi
    if [ -e "$staging" ]; then
        forget_parts
        remove "$staging" || fail "cannot remove $staging"
    fi
    case $staging in "$data_directory"/.pgrepl/*) make_room "$data_directory" ;; esac
    own_directory "$staging"
    put "$staging/source" "$1"
    own_directory "$staging/data"
    put "$staging/system_id" "$system_id"
    put "$staging/log" ''
    make_tablespaces
}
