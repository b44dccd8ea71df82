#!/bin/bash
# A stand-in for pitrery 3.4, for tests only: what its manual page says of the options that pgrepl uses, and the layout it
# documents. Like the real one it ends with 0 when it only printed how it is used.
usage() {
    echo "usage: pitrery [options] action [args]"
    exit 0
}
fatal() {
    echo "$(date '+%F %T %Z') FATAL: $1" >&2
    exit 1
}
while getopts "c:f:V" opt; do
    case $opt in
        c | f) conf=$OPTARG ;;
        V) echo "pitrery 3.4" && exit 0 ;;
        *) usage ;;
    esac
done
action=${*:$OPTIND:1}
OPTIND=$((OPTIND + 1))
[ -f "$conf" ] || usage
# shellcheck disable=SC1090
. "$conf"
shopt -s nullglob
case $action in
    backup)
        # Makes nothing and says that all is well, as the real one may.
        [ ! -e /etc/pitrery/lie ] || exit 0
        current=$BACKUP_DIR/current
        [ ! -e "$current" ] || fatal "$current already exists, another backup may be in progress"
        mkdir -p "$current/tblspc"
        "${PGPSQL%psql}pg_basebackup" -h "$PGHOST" -p "$PGPORT" -U "$PGUSER" -D "$current/data" -X none -c fast || fatal "could not copy"
        cp "$current/data/backup_label" "$current/data/PG_VERSION" "$current"
        "$PGPSQL" -XAt -h "$PGHOST" -p "$PGPORT" -U "$PGUSER" -d "$PGDATABASE" -c "select spcname, pg_tablespace_location(oid), oid, pg_size_pretty(pg_tablespace_size(oid)) from pg_tablespace" >"$current/tblspc_list"
        tar -C "$current/data" --exclude './pg_wal/*' -czf "$current/pgdata.tar.gz" . || fatal "could not store"
        rm -rf "$current/data"
        stamp=$(date +%s)
        echo "$stamp" >"$current/backup_timestamp"
        mv "$current" "$BACKUP_DIR/$(date -d "@$stamp" +%Y.%m.%d_%H.%M.%S)"
        ;;
    restore)
        while getopts "D:d:O:r:t:n" opt; do
            case $opt in
                D) PGDATA=$OPTARG ;;
                d) date=$OPTARG ;;
                n) dry=yes ;;
                O | r | t) ;;
                *) usage ;;
            esac
        done
        target=$(date -d "$date" +%s) || fatal "invalid target date '$date'"
        for stamp in "$BACKUP_DIR"/[0-9]*/backup_timestamp; do
            if [ "$(cat "$stamp")" -le "$target" ]; then chosen=${stamp%/backup_timestamp}; fi
        done
        [ -n "$chosen" ] || fatal "Could not find a backup"
        echo "backup directory: $chosen" >&2
        [ -z "$dry" ] || exit 0
        [ -z "$(ls -A "$PGDATA")" ] || fatal "$PGDATA is not empty"
        tar -C "$PGDATA" -xzf "$chosen/pgdata.tar.gz" || fatal "could not extract"
        mkdir -p "$PGDATA/restored_config_files"
        touch "$PGDATA/recovery.signal"
        ;;
    purge)
        while getopts "m:N" opt; do
            case $opt in
                m) PURGE_KEEP_COUNT=$OPTARG ;;
                N) dry=yes ;;
                *) usage ;;
            esac
        done
        all=("$BACKUP_DIR"/[0-9]*)
        for ((at = 0; at + PURGE_KEEP_COUNT < ${#all[@]}; at++)); do
            echo "purging ${all[at]}" >&2
            [ -n "$dry" ] || rm -rf "${all[at]}"
        done
        oldest=$(sed -n 's/^START WAL LOCATION: .*file \([0-9A-F]*\).*/\1/p' "${all[at]}/backup_label")
        for wal in "$ARCHIVE_DIR"/[0-9A-F]????????*; do
            name=${wal##*/}
            if [[ ${name:0:9} =~ ^[0-9A-F]{9}$ && $name < $oldest && -z $dry ]]; then rm -f "$wal"; fi
        done
        ;;
    *) usage ;;
esac
