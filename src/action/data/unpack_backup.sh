# Restores a backup into staging.
# In: as fetch.sh, and clone_unit
main() {
    settle
    own_mount "$data_directory"
    source="backup ${ids##* }"
    if is_fetched "$clone_unit" "$source"; then
        already
        return
    fi
    fetch_backup "$clone_unit" "$source"
    # It is of the backup's place, and tells nothing of a server.
    as_service_user rm -f "$staging/data/backup_manifest"
    ok
}
