# Takes a backup while the mount is held: take LOG; `id` names it. It counts when it is on the mount, whole, and the
# archive has its WAL.
# In: top

# Who takes a backup with it on this host: the program is read by a shell.
at_work() {
    for process in /proc/[0-9]*; do
        if tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -Eq '^([^ ]*/)?(ba|da)?sh ([^ ]*/)?(backup_pitr|pitrery .*backup)( |$)'; then
            printf '%s ' "${process##*/}"
        fi
    done 2>/dev/null
}

# Its directory of work is its only lock, and somebody who calls it by hand knows of no other: what is there is removed
# only when nobody is at it here and nothing was written to it for ten minutes, by the clock of the mount.
clear_current() {
    [ -e "$repository/current" ] || return 0
    touch "$top/lock/owner"
    newest=$(find "$repository/current" -printf '%T@\n' | sort -n | tail -n 1)
    silent=$(($(stat -c %Y "$top/lock/owner") - ${newest%.*}))
    found=$(at_work)
    if [ -n "$found" ] || [ "$silent" -lt 600 ]; then
        refused "nobody at work in $repository/current" "${found:+process ${found}here, }something written $silent s ago; when no pitrery runs on any host, it is removed ten minutes after that"
    fi
    rm -rf "$repository/current"
}

take() {
    if [ ! -d "$repository/archived_wal" ] && grep -qsxF "$repository/archived_wal" "$data_directory/pgrepl.archives"; then
        fail "$repository/archived_wal is not there any more"
    fi
    mkdir -p "$repository/archived_wal"
    clear_current
    before=$(backups)
    # It begins nowhere where that directory is: from here on it is this one's.
    ours=$repository/current
    pitrery_ backup >>"$1" 2>&1 || {
        why=$(pitrery_error <"$1")
        case $why in *exist* | *progress*) ours= ;; esac
        fail "$why"
    }
    ours=
    new_backup "$before" "$(tail -n 1 "$1")"
}

end_work() {
    if [ -n "${ours:-}" ]; then rm -rf "$ours"; fi
    unlock_mount
}
