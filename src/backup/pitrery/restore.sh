# pitrery-restore TOP NAME PATH USE: written by pgrepl. PostgreSQL's restore_command calls it for each WAL file it looks
# for. pitrery ends with 1 both for a segment that is not there and for an archive that is not: so this looks first. When
# the archive itself cannot be read, or the file is damaged, a recovery is stopped (200), because it would take that for
# the end of the archive; a standby goes on without it, by streaming.
PATH=/usr/local/bin:/usr/bin:/bin
export PATH
top=$1 name=$2 path=$3 use=$4
archive=$top/pitrery/archived_wal

stop() {
    printf 'pitrery-restore: %s\n' "$1" >&2
    rm -f "$path"
    case $use in recovery*) exit 200 ;; esac
    exit 1
}

if [ "${5:-}" != work ]; then
    marked "$top" stop pitrery/archived_wal
    at_work "$top" stop sh "$0" "$@" work
    exit
fi
# Compression may have been off once.
[ -e "$archive/$name.gz" ] || [ -e "$archive/$name" ] || exit 1
program=$(command -v restore_wal || command -v restore_xlog) || stop "neither restore_wal nor restore_xlog is installed"
"$program" -C "/etc/pitrery/${top##*/}.conf" "$name" "$path" || stop "$program failed for $name"
if [ -e "$archive/$name.gz" ]; then
    gzip -dc "$archive/$name.gz" | cmp -s - "$path" || stop "$name is damaged in the archive"
else
    cmp -s "$archive/$name" "$path" || stop "$name cannot be read in the archive"
fi
code=0
cut_at_fork "$name" "$path" "$use" "$archive"/*.history "$archive"/*.history.gz || code=$?
case $code in
    0 | 1) exit "$code" ;;
    *) stop "the history of the timeline cannot be read in the archive" ;;
esac
