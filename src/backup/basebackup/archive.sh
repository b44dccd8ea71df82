# archive-wal TOP PATH NAME: written by pgrepl. PostgreSQL's archive_command calls it for each finished WAL file.
# It ends with 0 only when the file is on the mount for good; otherwise PostgreSQL keeps it and tries again.
top=$1 path=$2 name=$3

refuse() {
    printf 'archive-wal: %s\n' "$1" >&2
    exit 1
}
same() { if [ -e "$1.gz" ]; then gzip -dc "$1.gz" | cmp -s - "$path"; else cmp -s "$1" "$path"; fi; }

# Without the marker this would fill the disk under the mount point.
if [ "${4:-}" != work ]; then
    marked "$top" refuse wal
    at_work "$top" refuse sh "$0" "$@" work
    exit
fi
case $name in
    *[!0-9A-Fa-z.]*) refuse "strange name $name" ;;
    *.history | *.backup) compress=no ;;
    *) compress=yes ;;
esac
if [ "$compress" = yes ]; then
    # The long page header of a segment carries the cluster's identifier.
    found=$(od -An -t u8 -j 24 -N 8 "$path" | tr -d ' ')
    wanted=$(head -n 1 "$top/.pgrepl")
    [ "$found" = "$wanted" ] || refuse "$name belongs to cluster $found, and this is the archive of $wanted"
fi
target=$top/wal/$name
if [ -e "$target" ] || [ -e "$target.gz" ]; then
    same "$target" || refuse "$name is in the archive already, with another content"
    sync "$top/wal"
    exit 0
fi
temporary=$top/wal/.$name.$(uname -n)
# What an attempt left that was killed.
rm -f "$temporary".*
temporary=$temporary.$$
trap 'rm -f "$temporary"' EXIT
if [ "$compress" = yes ]; then
    gzip -1 -n -c "$path" >"$temporary"
    target=$target.gz
else
    cp "$path" "$temporary"
fi
sync "$temporary"
# A link never writes over a file that another server has just put there.
if ! ln "$temporary" "$target" 2>/dev/null; then
    if [ -e "$target" ]; then
        same "${target%.gz}" || refuse "$name is in the archive already, with another content"
    else
        # A file system without links.
        mv -n "$temporary" "$target"
        [ ! -e "$temporary" ] || refuse "cannot give $name its name in the archive"
    fi
fi
sync "$top/wal"
