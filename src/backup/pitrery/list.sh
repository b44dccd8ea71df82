# Reads which backups are on the mount and writes nothing: a backup counts when all its parts are there, and the archive
# holds the label that PostgreSQL wrote at its end.
# In: top
about() { fact about "$id" "$1"; }

main() {
    read_owner
    fact archive "$owner"
    # Archiving makes it.
    ! lists "$repository" || lists "$repository/archived_wal" || fail "$repository/archived_wal is not there"
    for directory in "$repository"/[0-9]*; do
        { [ -d "$directory" ] && lists "$directory"; } || continue
        id=${directory##*/}
        [ -d "$directory" ] || continue
        if ! whole "$id" || ! label=$(label_of "$id"); then
            fact useless "$id"
            continue
        fi
        of_label() { printf '%s\n' "$label" | sed -n "s/^$1: //p"; }
        start=$(of_label 'START WAL LOCATION')
        stop=$(of_label 'STOP WAL LOCATION')
        wal=$(printf '%s\n' "$start" | sed 's/.*file \([0-9A-F]*\).*/\1/')
        about "id=$id"
        # The newest note of a kind counts.
        if [ -f "$top/notes/$id" ]; then tac "$top/notes/$id" | fact_lines about "$id"; fi
        about "host=?"
        about "major=$(cat "$directory/PG_VERSION")"
        about "system_id=$owner"
        about "timeline=$(printf '%d' "0x$(printf %.8s "$wal")")"
        about "start_lsn=${start%% *}"
        about "stop_lsn=${stop%% *}"
        about "start_wal=$wal"
        about "begun=$(date -u -d "$(of_label 'START TIME')" +%s)"
        about "ended=$(cat "$directory/backup_timestamp")"
        about "written=$(stat -c %Y "$directory/backup_timestamp")"
        about "wal=archive"
        about "bytes=$(bytes_in "$directory")"
        awk -F '|' '$2 != "" { print "tablespace=" $3 " " $2 }' "$directory/tblspc_list" | fact_lines about "$id"
    done
    list_wal "$repository/archived_wal" '[0-9A-F]*' "$(control_field "$data_directory" 'Bytes per WAL segment' 2>/dev/null || :)"
    list_restores
    list_history "$repository"/archived_wal/*.history "$repository"/archived_wal/*.history.gz
}
