# pgbackrest-restore TOP NAME PATH USE: written by pgrepl. PostgreSQL's restore_command calls it for each WAL file it
# looks for. It ends with 0 only with a whole file, and with 1 when the archive does not have it. When the archive itself
# cannot be read, or the file is damaged, a recovery is stopped (200), because it would take that for the end of the
# archive; a standby goes on without it, by streaming.
top=$1 name=$2 path=$3 use=$4
cluster=${top##*/}

stop() {
    printf 'pgbackrest-restore: %s\n' "$1" >&2
    rm -f "$path"
    case $use in recovery*) exit 200 ;; esac
    exit 1
}

marked "$top" stop "pgbackrest/archive/$cluster"
# It wants to be asked in the directory that it knows as that of the data; a copy has one of its own.
set --
if [ -f global/pg_control ]; then set -- "--pg1-path=$(pwd -P)"; fi
code=0
at_work "$top" stop pgbackrest "--config=/etc/pgbackrest/$cluster.conf" "--stanza=$cluster" "$@" archive-get "$name" "$path" || code=$?
# An archive of each cluster that the stanza had.
for found in "$top/pgbackrest/archive/$cluster"/*/"${name%????????}/$name"-*; do
    if [ "$code" = 0 ]; then cut_at_fork "$name" "$path" "$use" "${found%/*/*}"/*.history || code=$?; fi
done
case $code in
    0 | 1) exit "$code" ;;
    *) stop "pgbackrest ended with $code for $name" ;;
esac
