# pitrery as the service user, in UTC, because it reads and names times in the zone of its host.
# In: top
conf=/etc/pitrery/$cluster.conf
repository=$top/pitrery

pitrery_() {
    # Without its file it prints how it is used, and ends with 0.
    [ -f "$conf" ] || refused "$conf" "none"
    (cd / && as_service_user env -i "PATH=$PATH:$bindir" "HOME=$home" LC_ALL=C TZ=UTC pitrery -c "$conf" "$@")
}

show_progress() {
    if as_service_user test -d "$repository/current"; then progress "$(bytes_in "$repository/current")" "$total"; fi
}

pitrery_error() { sed -n 's/.*ERROR: *//p; s/.*FATAL: *//p' | tail -n 1; }

# A directory is a backup when everything is there: whole ID
whole() {
    for part in backup_timestamp backup_label PG_VERSION tblspc_list; do
        [ -f "$repository/$1/$part" ] || return 1
    done
    [ -d "$repository/$1/pgdata" ] || [ -f "$repository/$1/pgdata.tar.gz" ]
}

# The lines of the label that PostgreSQL archived when the backup ended: it alone knows where it ended.
label_of() {
    start=$(sed -n 's/^START WAL LOCATION: \([0-9A-F/]*\) (file \([0-9A-F]*\))/\2 \1/p' "$repository/$1/backup_label")
    start_wal=${start%% *}
    start_lsn=${start#* }
    # The file is named for the segment and the offset in it.
    for label in "$repository/archived_wal/$start_wal".*.backup.gz; do
        if [ -f "$label" ] && gzip -dc "$label" 2>/dev/null | grep -q "^START WAL LOCATION: $start_lsn "; then
            gzip -dc "$label"
            return 0
        fi
    done
    return 1
}

backups() { for known in "$repository"/[0-9]*; do if [ -d "$known" ]; then printf '%s\n' "${known##*/}"; fi; done; }

# The backup that was not there before, when it is whole and the archive has its WAL: new_backup BEFORE SAID
new_backup() {
    id=$(backups | grep -vxF -e "$1" | tail -n 1) || id=
    [ -n "$id" ] || fail "pitrery ended well, and there is no new backup in $repository: $2"
    whole "$id" || fail "pitrery ended well, and its backup $id is not whole"
    has_label() { label_of "$id" >/dev/null; }
    wait_for 300 has_label || fail "the WAL of backup $id does not arrive in $repository/archived_wal"
    last=$(label_of "$id" | sed -n 's/^STOP WAL LOCATION: .*file \([0-9A-F]*\).*/\1/p')
    [ -f "$repository/archived_wal/$last.gz" ] || fail "the last WAL of backup $id, $last, is not in $repository/archived_wal"
    note_backup "$id" "host=$node"
}
