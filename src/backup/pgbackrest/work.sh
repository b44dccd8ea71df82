# Takes a backup while the mount is held: take LOG; `id` names it.
# In: top depth (full, differential, incremental)
take() {
    case $depth in differential) type='diff' ;; incremental) type=incr ;; *) type=full ;; esac
    backrest backup "--type=$type" --log-level-console=detail >>"$1" 2>&1 || fail "$(backrest_error <"$1")"
    id=$(sed -n 's/.*new backup label = //p' "$1" | tail -n 1)
    if [ -z "$id" ] || [ ! -f "$top/pgbackrest/backup/$cluster/$id/backup.manifest" ]; then
        fail "pgbackrest ended well, and there is no new backup in $top/pgbackrest"
    fi
    note_backup "$id" "host=$node"
}

end_work() { unlock_mount; }
