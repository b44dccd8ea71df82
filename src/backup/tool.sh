# What the engines with a program of their own share: notes on backups that their own catalogues have no place for. They
# hold the lock of the mount, because theirs is on one host.
# In: top

as_owner() { as_service_user "$@"; }

# Adds to what is known of a backup: note_backup ID KEY=VALUE
note_backup() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'umask 077 && mkdir -p "$1/notes" && printf "%s\n" "$3" >>"$1/notes/$2"' sh "$top" "$1" "$2"
}

# Says whether a restore reads one of these backups, and who: is_read ID...
is_read() {
    for mark in "$top"/restores/*; do
        [ -f "$mark" ] || continue
        for id in "$@"; do
            code=0
            grep -qwF -e "$id" "$mark" || code=$?
            [ "$code" -le 1 ] || [ ! -e "$mark" ] || fail "cannot read $mark"
            if [ "$code" = 0 ]; then
                said="${mark##*/} restores from $id"
                return 0
            fi
        done
    done
    return 1
}

list_notes() {
    for noted in "$top"/notes/*; do
        if [ -f "$noted" ]; then fact_lines noted "${noted##*/}" <"$noted"; fi
    done
}
