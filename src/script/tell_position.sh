# shellcheck shell=sh
# Every host tells up to where it may still need the archive; who removes WAL reads that.
# In: top node cluster bindir data_directory
tell_position() {
    position=$("$bindir/pg_controldata" "$data_directory" | sed -n "s/^Latest checkpoint's REDO WAL file: *//p" | cut -c 9-24)
    mkdir -p "$top/hosts"
    printf '%s\n' "$position" >"$top/hosts/.$node.new"
    mv "$top/hosts/.$node.new" "$top/hosts/$node" || return 1
    # A server that runs has ended its restore.
    if [ ! -e "$data_directory.pgrepl-new" ] && [ ! -e "$data_directory/.pgrepl/pgsql_tmp/new" ] && [ ! -e "$data_directory/recovery.signal" ]; then rm -f "$top/restores/$node"; fi
    # What a copy or a drill that was cut and never run again reads no more.
    for mark in "$top/restores/$node~"*; do
        [ -f "$mark" ] || continue
        what=${mark#"$top/restores/$node~"}
        reads=$(systemctl list-units --plain --no-legend --state=active,activating "pgrepl-$cluster-fetch-$what.service" \
            "pgrepl-$cluster-recover-$what.service" "pgrepl-$cluster-*-$what.service" "pgrepl-$cluster-*-$what-fetch.service") || continue
        if [ -z "$reads" ]; then rm -f "$mark"; fi
    done
}
