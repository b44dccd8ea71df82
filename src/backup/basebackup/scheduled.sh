# scheduled-backup: written by pgrepl. A systemd timer calls it on every host of the cluster at the same time. The host
# with the right role takes a backup and removes what is beyond those that are kept; the others leave it to that one.
# In: top node nodes from (standby or primary) keep (count or days) keep_number major bindir port socket_directory
#     data_directory wal_method compress
as_owner() { "$@"; }
# A package of the server alone leaves the client programs to another one.
clients=$bindir
if [ ! -x "$clients/psql" ]; then clients=$(dirname "$(command -v psql)"); fi
say() { printf 'scheduled-backup: %s\n' "$1"; }
stop() {
    say "$1" >&2
    exit 1
}
# Whatever the role that it logs in as begins with.
ask() { PGOPTIONS='-c role=none -c search_path=pg_catalog -c default_transaction_isolation=read\ committed' "$clients/psql" -XAtq -w -v ON_ERROR_STOP=1 -h "$socket_directory" -p "$port" -d postgres -c "$1"; }

# Says whether this is the host that takes it; a cluster without a streaming standby backs up its primary.
mine() {
    recovering=$(ask 'select pg_is_in_recovery()') || stop "the server on port $port does not answer"
    if [ "$recovering" = t ]; then
        [ "$from" = standby ] && [ "$(ask "select count(*) from pg_stat_wal_receiver where status = 'streaming'")" != 0 ]
    else
        # shellcheck disable=SC2086 # names of hosts
        list=$(printf "'%s'," $nodes)
        [ "$from" = primary ] ||
            [ "$(ask "select count(*) from pg_stat_replication where state = 'streaming' and application_name in (${list%,})")" = 0 ]
    fi
}

# Another standby may have been faster.
taken_already() {
    for told in "$top"/base/*/info; do
        begun=$(sed -n 's/^begun=//p' "$told" 2>/dev/null)
        if [ "${begun:-0}" -ge "$1" ]; then return 0; fi
    done
    return 1
}

# One line for each backup that goes, `gone ID`, and `before POSITION` for the WAL that nobody needs.
beyond() {
    ls "$top/base/" >/dev/null || return
    read_history "$top/wal" || return
    for told in "$top"/base/*/info; do
        case $told in
            *.removing/info) continue ;;
            # One that its host has not finished is no backup yet; what it needs stays.
            *.inprogress/info) is=half ;;
            *) is=backup ;;
        esac
        if [ -f "$told" ]; then
            way=$(on_the_way "$(sed -n 's/^timeline=//p' "$told")" "$(sed -n 's/^stop_lsn=//p' "$told")")
            awk -F = -v is="$is" -v way="$way" '{ said[$1] = $2 } END { print is, said["id"], said["ended"], way, substr(said["start_wal"], 9, 16), said["parent"] }' "$told" || return
        fi
    done
    for host in $nodes; do printf 'host %s\n' "$(cat "$top/hosts/$host" 2>/dev/null)"; done
    for restore in "$top"/restores/*; do
        [ -f "$restore" ] || continue
        if reads=$(cat "$restore"); then printf 'restore %s\n' "$reads"; else [ ! -e "$restore" ] || return; fi
    done
}
decide() {
    known=$(cat)
    first=$(printf '%s\n' "$known" | awk '$1 == "backup" { print $2, $3, $4 }' | first_kept 0)
    printf '%s\n' "$known" | awk -v first="$first" -v keep="$keep" -v number="$keep_number" -v now="$(date +%s)" '
        $1 == "backup" { n++; id[n] = $2; ended[n] = $3; at[$2] = $5; parent[$2] = $6 }
        $1 == "half" { kept[$6] = 1; if (before == "" || $5 "" < before "") before = $5 }
        $1 == "host" { if ($2 == "") unknown = 1; else if (before == "" || $2 "" < before "") before = $2 }
        $1 == "restore" { for (i = 2; i <= NF; i++) kept[$i] = 1 }
        END {
            for (i = n; i > 0; i--) {
                young = keep == "days" && now - ended[i] <= number * 86400
                if (young || first == "" || id[i] "" >= first "") kept[id[i]] = 1
            }
            for (i = n; i > 0; i--) if (kept[id[i]] && parent[id[i]] != "") kept[parent[id[i]]] = 1
            for (i = 1; i <= n; i++) {
                if (!kept[id[i]]) print "gone", id[i]
                else if (at[id[i]] != "" && (before == "" || at[id[i]] "" < before "")) before = at[id[i]]
            }
            if (!unknown && n > 0) print "before", before
        }'
}

prune() {
    there=$(beyond) || stop "what is in $top cannot be read: nothing is removed"
    decided=$(printf '%s\n' "$there" | decide)
    gone=$(printf '%s\n' "$decided" | sed -n 's/^gone //p')
    count=$(printf '%s' "$gone" | grep -c . || :)
    who_builds || stop "$why: nothing is removed"
    # shellcheck disable=SC2086 # names of ours
    remove_backups $gone
    before=$(printf '%s\n' "$decided" | sed -n 's/^before //p')
    if [ -n "$before" ]; then
        remove_wal "$before"
        say "removed $removed WAL files before $before, and $count backups"
    else
        say "removed $count backups and no WAL: a host has not told yet what it needs"
    fi
}

main() {
    started=$(date +%s)
    timeout 10 stat -f "$top/.pgrepl" >/dev/null 2>&1 ||
        stop "no $top/.pgrepl: is the backup file system mounted, and does it answer?"
    found=$("$bindir/pg_controldata" "$data_directory" | sed -n 's/^Database system identifier: *//p')
    [ "$found" = "$(head -n 1 "$top/.pgrepl")" ] || stop "the archive in $top is of another cluster"
    tell_position
    if ! mine; then
        say "not here: the backup is taken by the other role"
        return
    fi
    lock_mount 'scheduled backup' 7200 || stop "the mount $why"
    trap 'unlock_mount' EXIT
    if taken_already "$((started - 60))"; then
        say "not here: another host was faster"
        return
    fi
    # What a run of pgrepl left: nobody works on it while this one holds the lock.
    for half in "$top"/base/*.inprogress; do
        [ "$(cat "$half/host" 2>/dev/null)" = "$node" ] || continue
        # One that waits for the lock is told by it who has it.
        if systemctl is-active -q "pgrepl-$cluster-$(printf %s "$node" | tr -c A-Za-z0-9 -)-backup.service"; then continue; fi
        id=${half##*/}
        id=${id%.inprogress}
        if [ -f "$half/complete" ]; then finish_backup; else rm -rf "$half"; fi
    done
    id=$(date -u +%Y%m%dT%H%M%SZ)
    depth=full
    # In a shell of its own: only there each of its commands must succeed.
    set +e
    (set -e && take_backup)
    ended=$?
    set -e
    if [ "$ended" != 0 ]; then
        tr '\r' '\n' <"$top/base/$id.inprogress/log" | awk '$2 != "kB"' | tail -n 5 >&2
        rm -rf "$top/base/$id.inprogress"
        stop "the backup failed"
    fi
    finish_backup
    say "took $id, $(field_of "$id" bytes) bytes"
    prune
}
