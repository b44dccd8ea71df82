# shellcheck shell=sh
# Takes a base backup into <top>/base/<id>.inprogress, and describes it; finish.sh gives it its name.
# In: as sums.sh and kept.sh, and top id node depth (full or incremental) major clients port socket_directory wal_method compress

field_of() { sed -n "s/^$2=//p" "$top/base/$1/info" 2>/dev/null; }

# The newest backup that an incremental one can build on: none of a timeline that was left before its end.
newest_parent() {
    parent=
    read_history "$top/wal" || return
    for told in "$top"/base/*/info; do
        named=${told%/info}
        named=${named##*/}
        case $named in *.*) continue ;; esac
        if [ "$(field_of "$named" major)" != "$major" ] || [ ! -f "$top/base/$named/backup_manifest" ]; then continue; fi
        if [ "$(on_the_way "$(field_of "$named" timeline)" "$(field_of "$named" stop_lsn)")" = yes ]; then parent=$named; fi
    done
    printf '%s' "$parent"
}

# Whatever the role that it logs in as begins with.
ask() { PGOPTIONS='-c role=none -c search_path=pg_catalog -c default_transaction_isolation=read\ committed' "$clients/psql" -XAtq -w -h "$socket_directory" -p "$port" -d postgres -c "$1"; }

built_with() { ask "select 1 from pg_config where name = 'CONFIGURE' and setting like '%--with-$1%'"; }

without_worker() { printf '%s' "$compress" | sed 's/,workers=[0-9]*//'; }

# Runs pg_basebackup, and sums what it writes: write_backup OPTIONS...
write_backup() {
    PGOPTIONS='-c lc_messages=C' "$clients/pg_basebackup" "$@" >>"$work/log" 2>&1 &
    writer=$!
    sum_while_written &
    summer=$!
    code=0
    wait "$writer" || code=$?
    wait "$summer"
    return "$code"
}

take_backup() {
    work=$top/base/$id.inprogress
    [ -d "$work" ] || mkdir "$work"
    printf '%s\n' "$node" >"$work/host"
    date +%s >"$work/begun"
    # A server may have been built without it.
    case $compress in *zstd*) [ -n "$(built_with zstd)" ] || compress=$(without_worker | sed s/zstd/gzip/) ;; esac
    set -- -h "$socket_directory" -p "$port" -D "$work/data" -F t -X "$wal_method" -c fast -P -v -w -l "pgrepl $id"
    parent=
    if [ "$depth" = incremental ]; then
        parent=$(newest_parent) || {
            echo "cannot read the timelines in $top/wal" >>"$work/log"
            return 1
        }
        [ -n "$parent" ] || {
            echo "there is no backup that an incremental one could build on" >>"$work/log"
            return 1
        }
        set -- "$@" --incremental="$top/base/$parent/backup_manifest"
    fi
    mkdir -p "$work/sums"
    # shellcheck disable=SC2086 # options
    write_backup "$@" $compress || {
        # A libzstd may have been built without threads; only who asks it for one learns that.
        grep -q 'could not set compression worker count' "$work/log" || return 1
        compress=$(without_worker)
        rm -f "$work/sums"/*
        # shellcheck disable=SC2086 # options
        write_backup "$@" $compress || return 1
    }
    mv "$work"/data/* "$work/" || return 1
    rmdir "$work/data"
    date +%s >"$work/ended"
    (cd "$work" && sum_all) >"$work/SHA256SUMS"
    describe_backup >"$work/info"
    rm -rf "$work/begun" "$work/ended" "$work/sums"
    sync "$work"
    sync_system "$work"
    : >"$work/complete"
}

# Each reads on where the one before came to the end; the last one begins after the writer's end.
read_while_written() {
    while kill -0 "$writer" 2>/dev/null; do
        cat || return 1
        sleep 0.1
    done
    cat
}

# Reads the archives while they are written: reading them afterwards would add a tenth to the time. That of WAL is left
# out, because pg_basebackup goes back in it to write its headers. The server sends the data directory after the tablespaces.
sum_while_written() {
    last=
    while [ -z "$last" ] && kill -0 "$writer" 2>/dev/null; do
        sleep 0.1
        for archive in "$work"/data/[0-9]*.tar* "$work"/data/base.tar*; do
            summed=$work/sums/${archive##*/}
            if [ ! -f "$archive" ] || [ -e "$summed" ]; then continue; fi
            : >"$summed"
            case $summed in */base.tar*) last=$summed ;; esac
            { read_while_written <"$archive" || : >"$summed.failed"; } | sha256 >"$summed" &
        done
    done
    wait
}
sum_all() {
    for file in *.tar* backup_manifest; do
        if [ -s "sums/$file" ] && [ ! -e "sums/$file.failed" ]; then
            printf '%s  %s\n' "$(cat "sums/$file")" "$file"
        elif [ -f "$file" ]; then
            printf '%s  %s\n' "$(sha256 <"$file")" "$file"
        fi
    done
}

# What is to be known of a backup without opening it.
describe_backup() {
    label=$(tar -xOf "$work"/base.tar* --occurrence=1 backup_label)
    of_label() { printf '%s\n' "$label" | sed -n "s/^$1: //p"; }
    start=$(of_label 'START WAL LOCATION')
    printf 'id=%s\n' "$id"
    printf 'host=%s\n' "$node"
    printf 'major=%s\n' "$major"
    printf 'system_id=%s\n' "$(head -n 1 "$top/.pgrepl")"
    # The name of a segment begins with its timeline, in hexadecimal; a line of its own came with 11.
    first=$(printf '%s\n' "$start" | sed 's/.*file \([0-9A-F]*\).*/\1/')
    printf 'timeline=%s\n' "$((0x$(printf '%.8s' "$first")))"
    printf 'start_lsn=%s\n' "${start%% *}"
    printf 'start_wal=%s\n' "$first"
    printf 'stop_lsn=%s\n' "$(tr '\r' '\n' <"$work/log" | sed -n 's/.* log end point: //p' | tail -n 1)"
    printf 'begun=%s\n' "$(cat "$work/begun")"
    printf 'ended=%s\n' "$(cat "$work/ended")"
    case $compress in *zstd*) echo compression=zstd ;; esac
    printf 'bytes=%s\n' "$(find "$work" -maxdepth 1 -name '*.tar*' -printf '%s\n' | awk '{ all += $1 } END { printf "%.0f", all }')"
    # The manifest, since 13, has a line for each file.
    if [ -f "$work/backup_manifest" ]; then
        awk '/"Size": / {
            size = $0; sub(/.*"Size": /, "", size); sub(/[^0-9].*/, "", size)
            of = match($0, /"pg_tblspc\/[0-9]+\//) ? substr($0, RSTART + 11, RLENGTH - 12) : "data"
            sum[of] += size
        } END { for (of in sum) printf "unpacked=%s %.0f\n", of, sum[of] }' "$work/backup_manifest"
    fi
    printf 'from=%s\n' "$(of_label 'BACKUP FROM')"
    # What has no number yet commits behind the end of the backup.
    next_xid=$(ask 'select txid_snapshot_xmax(txid_current_snapshot())') || next_xid=
    if [ -n "$next_xid" ]; then printf 'next_xid=%s\n' "$next_xid"; fi
    if [ -n "$parent" ]; then printf 'parent=%s\n' "$parent"; fi
    # It stands at the beginning; looked for in vain, the whole archive would be read.
    if [ -n "$(ls "$work"/[0-9]*.tar* 2>/dev/null)" ]; then
        tar -xOf "$work"/base.tar* --occurrence=1 tablespace_map | sed 's/^/tablespace=/'
    fi
}
