# Restores a backup as the service user; the recovery settings that pitrery writes are taken away again.
# In: as script/unpack.sh, and cluster
unpack_backup() {
    whole "$ids" || fail "there is no whole backup of that name"
    # It takes the last backup that ended before a date, 3.x also the one that ended with it: a second later it is this one.
    set -- restore -D "$data" -d "@$(($(cat "$repository/$ids/backup_timestamp") + 1))" -O "$(id -un)" -r /bin/false
    while IFS='	' read -r oid here; do
        name=$(awk -F '|' -v oid="$oid" '$3 == oid { print $1 }' "$repository/$ids/tblspc_list")
        set -- "$@" -t "$name:$here"
    done <"$spaces"
    chosen=$(pitrery_ "$@" -n 2>&1) || :
    case $chosen in *"$repository/$ids"*) ;; *)
        printf '%s\n' "$chosen"
        fail "pitrery would not restore it"
        ;;
    esac
    pitrery_ "$@" >"$work/said" 2>&1 || {
        cat "$work/said"
        fail "$(pitrery_error <"$work/said")"
    }
    [ -f "$data/backup_label" ] || fail "it has no backup_label"
    rm -rf "$data/recovery.signal" "$data/recovery.conf" "$data/restored_config_files"
}
