# A directory beside the data directory in which a copy grows until it is complete. What is around it may belong to the
# service user: so it is made, written and emptied by him, and root follows nothing that he put there.
# In: staging system_id tablespaces (lines: what it is there TAB its place here) named (places of tablespaces that the inventory
#     names, and those that are pgrepl's own: paths, one a line)

# Says whether a place was chosen by whom root works for: what another host or the mount names root neither makes nor gives away.
is_named() { printf '%s\n' "$named" | grep -qxF -e "$1"; }

places_here() { printf '%s' "$tablespaces" | cut -f 2; }

# Gives him an empty directory that somebody else made: give PLACE
give() {
    [ "$(stat -c %U "$1")" != "$service_user" ] || return 0
    { is_named "$1" && ! is_his "${1%/*}" && chown -h "$service_user:$service_user" "$1"; } ||
        fail "the place of a tablespace does not belong to $service_user: $1"
}

# The places of tablespaces must be empty; what a cut copy of ours left there goes with it.
make_tablespaces() {
    # A here-document, so that the loop is not a shell of its own.
    while IFS='	' read -r origin place; do
        [ -n "$place" ] || continue
        [ -z "$(ls -A "$place" 2>/dev/null)" ] || fail "the place of a tablespace is not empty: $place"
        if [ -d "$place" ]; then
            give "$place"
        elif is_named "$place"; then
            make_way "${place%/*}"
            own_directory "$place"
        else
            as_service_user mkdir -p "$place" || fail "$service_user cannot make the place of a tablespace: $place"
        fi
        as_service_user chmod 700 "$place"
    done <<-LIST
	$tablespaces
	LIST
    put "$staging/tablespaces" "$tablespaces"
}

forget_tablespaces() {
    [ -f "$staging/tablespaces" ] || return 0
    begun=$(as_service_user cut -f 2 "$staging/tablespaces")
    while IFS= read -r place; do
        if [ -d "$place" ]; then (cd / && as_service_user find "$place" -mindepth 1 -maxdepth 1 -name 'PG_*' -exec rm -rf {} +); fi
    done <<-LIST
	$begun
	LIST
}

# Makes it anew: new_staging SOURCE
new_staging() {
    if [ -e "$staging" ]; then
        # Only what a copy of ours left half done; anything else is not ours.
        [ -f "$staging/source" ] || refused "$staging missing or a copy of pgrepl" "something else"
        forget_tablespaces
        remove "$staging" || fail "cannot remove $staging"
    fi
    own_directory "$staging"
    own_directory "$staging/data"
    put "$staging/source" "$1"
    put "$staging/system_id" "$system_id"
    put "$staging/log" ''
    make_tablespaces
}
