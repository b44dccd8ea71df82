# What the engines with a program of their own share: notes on backups that their own catalogues have no place for. They
# hold the lock of the mount, because theirs is on one host.
# In: top

check_top() {
    timeout 10 test -f "$top/.pgrepl" || refused "the cluster's directory $top on the mounted backup file system" "none"
}

check_owner() {
    owned=$(control_field "$data_directory" 'Database system identifier')
    found=$(head -n 1 "$top/.pgrepl")
    [ "$found" = "$owned" ] || refused "the archive of cluster $owned in $top" "that of $found"
}

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
            if grep -qwF -e "$id" "$mark"; then
                said="${mark##*/} restores from $id"
                return 0
            fi
        done
    done
    return 1
}

list_notes() {
    for noted in "$top"/notes/*; do
        if [ -f "$noted" ]; then awk -v id="${noted##*/}" '{ print "@fact noted " id "\t" $0 }' "$noted" >&7; fi
    done
}
