# restore-wal TOP NAME PATH USE: written by pgrepl. PostgreSQL's restore_command calls it for each WAL file it looks for.
# It ends with 0 only with a whole file, and with 1 when the archive does not have it. When the archive itself cannot be
# read, or the file is damaged, a recovery is stopped (200), because it would take that for the end of the archive; a
# standby goes on without it, by streaming.
top=$1 name=$2 path=$3 use=$4

stop() {
    printf 'restore-wal: %s\n' "$1" >&2
    rm -f "$path"
    case $use in recovery*) exit 200 ;; esac
    exit 1
}

if [ "${5:-}" != work ]; then
    marked "$top" stop wal
    at_work "$top" stop sh "$0" "$@" work
    exit
fi
if [ -f "$top/wal/$name.gz" ]; then
    gzip -dc "$top/wal/$name.gz" >"$path" || stop "$name is damaged in the archive"
elif [ -f "$top/wal/$name" ]; then
    cp "$top/wal/$name" "$path" || stop "$name cannot be read in the archive"
else
    exit 1
fi
# A group that may read the data may read this too.
if [ -f PG_VERSION ]; then chmod --reference=PG_VERSION "$path"; fi
case $name in
    *.*) ;;
    *) [ "$(stat -c %s "$path")" -ge 1048576 ] || stop "$name is too short in the archive" ;;
esac
code=0
cut_at_fork "$name" "$path" "$use" "$top"/wal/*.history || code=$?
case $code in
    0 | 1) exit "$code" ;;
    *) stop "the history of the timeline cannot be read in the archive" ;;
esac
