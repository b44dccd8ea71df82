# A directory beside the data directory in which a copy grows until it is complete. What is around it may belong to the
# service user: so it is made, written and emptied by him, and root follows nothing that he put there.
# In: staging system_id tablespaces (lines: what it is there TAB its place here)

# The places of tablespaces must be empty; what a cut copy of ours left there goes with it.
make_tablespaces() {
    # A here-document, so that the loop is not a shell of its own.
    while IFS='	' read -r origin place; do
        [ -n "$place" ] || continue
        [ -z "$(ls -A "$place" 2>/dev/null)" ] || fail "the place of a tablespace is not empty: $place"
        if [ -d "$place" ]; then
            as_service_user test -w "$place" || chown -h "$service_user:$service_user" "$place"
        else
            as_service_user mkdir -p "${place%/*}" 2>/dev/null || (umask 022 && mkdir -p "${place%/*}")
            own_directory "$place"
        fi
        as_service_user chmod 700 "$place"
    done <<-LIST
	$tablespaces
	LIST
    put "$staging/tablespaces" "$tablespaces"
}

forget_tablespaces() {
    [ -f "$staging/tablespaces" ] || return 0
    while IFS='	' read -r _ place; do
        (cd / && as_service_user find "$place" -mindepth 1 -maxdepth 1 -name 'PG_*' -exec rm -rf {} +)
    done <"$staging/tablespaces"
}

# Makes it anew: new_staging SOURCE
new_staging() {
    if [ -e "$staging" ]; then
        # Only what a copy of ours left half done; anything else is not ours.
        [ -f "$staging/source" ] || refused "$staging missing or a copy of pgrepl" "something else"
        forget_tablespaces
        rm -rf "$staging"
    fi
    own_directory "$staging"
    own_directory "$staging/data"
    put "$staging/source" "$1"
    put "$staging/system_id" "$system_id"
    put "$staging/log" ''
    make_tablespaces
}
