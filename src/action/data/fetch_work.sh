# shellcheck shell=sh
# What the unit runs as the service user behind an engine's unpack_backup. A mark on the mount keeps the backup and its WAL
# from being removed meanwhile; a mount that is full or read-only is read without one.
# In: as unpack.sh, and reader

{ mkdir -p "$top/restores" && printf '%s\n' "$ids" >"$top/restores/$reader"; } ||
    echo "$top is read-only: other hosts cannot see this restore; do not prune"
unpack_backup
# The server makes its links to tablespaces from this file when it begins to recover.
rm -f "$data/tablespace_map"
if [ -s "$spaces" ]; then tr '\t' ' ' <"$spaces" >"$data/tablespace_map"; fi
chmod --reference="$data/base" "$data"
sync_system "$data"
: >"$work/complete"
