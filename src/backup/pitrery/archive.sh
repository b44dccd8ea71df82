# pitrery-archive TOP PATH NAME: written by pgrepl. PostgreSQL's archive_command calls it for each finished WAL file.
# pitrery makes the directory it writes to, overwrites what is there, and writes straight onto the final name: so it is
# called only where the file system is mounted, writes beside, and what it wrote gets its name once it is whole.
PATH=/usr/local/bin:/usr/bin:/bin
export PATH
top=$1 path=$2 name=$3
archive=$top/pitrery/archived_wal

refuse() {
    printf 'pitrery-archive: %s\n' "$1" >&2
    exit 1
}
same() { gzip -dc "$1" 2>/dev/null | cmp -s - "$path"; }

if [ "${4:-}" != work ]; then
    marked "$top" refuse pitrery/archived_wal
    at_work "$top" refuse sh "$0" "$@" work
    exit
fi
case $name in
    *[!0-9A-Fa-z.]*) refuse "strange name $name" ;;
    *.*) ;;
    *)
        # The long page header of a segment carries the cluster's identifier.
        found=$(od -An -t u8 -j 24 -N 8 "$path" | tr -d ' ')
        wanted=$(head -n 1 "$top/.pgrepl")
        [ "$found" = "$wanted" ] || refuse "$name belongs to cluster $found, and this is the archive of $wanted"
        ;;
esac
mkdir -p "$archive"
target=$archive/$name.gz
if [ -e "$target" ]; then
    same "$target" || refuse "$name is in the archive already, with another content"
    sync "$archive"
    exit 0
fi
beside=$top/pitrery/writing.$(uname -n)
# What an attempt left that was killed.
rm -rf "$beside".*
beside=$beside.$$
trap 'rm -rf "$beside"' EXIT
program=$(command -v archive_wal || command -v archive_xlog) || refuse "neither archive_wal nor archive_xlog is installed"
"$program" -C "/etc/pitrery/${top##*/}.conf" -a "$beside" "$path" || refuse "$program failed for $name"
# Its exit code tells little.
same "$beside/$name.gz" || refuse "$program did not write $name whole"
sync "$beside/$name.gz"
# A link never writes over a file that another server has just put there.
if ! ln "$beside/$name.gz" "$target" 2>/dev/null; then
    if [ -e "$target" ]; then
        same "$target" || refuse "$name is in the archive already, with another content"
    else
        mv -n "$beside/$name.gz" "$target"
        [ ! -e "$beside/$name.gz" ] || refuse "cannot give $name its name in the archive"
    fi
fi
sync "$archive"
