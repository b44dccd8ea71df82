# shellcheck shell=sh
# Unpacks a backup, with those it builds on, as the service user. Damage shows: every file is compared with its checksum.
# In: as sums.sh, and top ids (oldest first, the backup itself last) work (a directory of its own, for parts) data spaces (a file: lines of
#     OID TAB place) wal_directory bindir

# Extracts an archive whatever it is compressed with: extract PATH-WITHOUT-SUFFIX DIRECTORY
extract() {
    for archive in "$1".tar "$1".tar.*; do
        if [ -f "$archive" ]; then
            # In pieces of a megabyte: in those of ten kilobytes the way through the pipe costs a seventh of the time.
            # With the modes that they had: a group may read them, or may not.
            tar -p -b 2048 -xf "$archive" -C "$2"
            return
        fi
    done
    echo "there is no $1.tar" >&2
    return 1
}

# Begins to read checksums while the archives are unpacked: the disk reads them once.
begin_sums() {
    : >"$work/damaged"
    (
        for id in $ids; do
            damaged_files "$top/base/$id" | sed "s|^|$id/|" >>"$work/damaged"
        done
    ) &
    sums=$!
}
end_sums() {
    wait "$sums"
    if [ -s "$work/damaged" ]; then
        echo "damaged: $(tr '\n' ' ' <"$work/damaged")" >&2
        return 1
    fi
}

# Unpacks each part as a directory of its own, as pg_combinebackup wants it, and joins them.
combine() {
    for id in $ids; do
        part=$work/parts/$id
        mkdir -p "$part/data"
        extract "$top/base/$id/base" "$part/data"
        cp "$top/base/$id/backup_manifest" "$part/data/"
        rm -f "$part/data/tablespace_map"
        while IFS='	' read -r oid _; do
            [ -n "$(ls "$top/base/$id/$oid".tar* 2>/dev/null)" ] || continue
            mkdir "$part/$oid"
            extract "$top/base/$id/$oid" "$part/$oid"
            ln -s "$part/$oid" "$part/data/pg_tblspc/$oid"
        done <"$spaces"
        set -- "$@" "$part/data"
    done
    while IFS='	' read -r oid here; do set -- -T "$part/$oid=$here" "$@"; done <"$spaces"
    rmdir "$data"
    "$bindir/pg_combinebackup" -o "$data" "$@"
    rm -rf "$work/parts"
}

# WAL that comes with a backup is nobody's to archive any more. A backup of a standby ends in the middle of a segment: what it
# has of that is not what the archive has, and a server that tries to archive it archives nothing behind it.
mark_archived() {
    mkdir -p "$data/$wal_directory/archive_status"
    for segment in "$data/$wal_directory"/????????????????????????; do
        if [ -f "$segment" ]; then : >"$data/$wal_directory/archive_status/${segment##*/}.done"; fi
    done
}

unpack_backup() {
    begin_sums
    last=${ids##* }
    if [ "$ids" = "$last" ]; then
        extract "$top/base/$last/base" "$data"
        while IFS='	' read -r oid here; do
            extract "$top/base/$last/$oid" "$here"
            ln -sfn "$here" "$data/pg_tblspc/$oid"
        done <"$spaces"
        if [ -f "$top/base/$last/backup_manifest" ]; then cp "$top/base/$last/backup_manifest" "$data/"; fi
    else
        combine
    fi
    mkdir -p "$data/$wal_directory"
    # Where WAL was not streamed it is in the first archive.
    if [ -n "$(ls "$top/base/$last/pg_wal".tar* 2>/dev/null)" ]; then extract "$top/base/$last/pg_wal" "$data/$wal_directory"; fi
    mark_archived
    end_sums
}
