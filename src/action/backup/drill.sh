# Restores a backup beside the data directory for trial: it is recovered on a private socket, read, and removed again.
# In: as fetch.sh and apart.sh, and fetch_unit drill_unit
end_drill() {
    systemctl stop "$drill_unit" "$fetch_unit" 2>/dev/null || :
    remove "$staging"
    while IFS='	' read -r _ place; do
        if [ -n "$place" ]; then remove "$place"; fi
    done <<-LIST
	$tablespaces
	LIST
    release
}

main() {
    settle
    id=${ids##* }
    # The other end of a run that was killed may still be at work.
    mkdir -p /run/pgrepl
    exec 8>>"/run/pgrepl/$cluster.drill"
    flock -w 3600 8 || fail "another drill runs on $node"
    end_drill
    trap end_drill EXIT
    begin=$(date +%s)
    fetch_backup "$fetch_unit" "drill of backup $id"
    if [ -f "$staging/data/backup_manifest" ] && [ -x "$bindir/pg_verifybackup" ]; then
        (cd / && as_service_user "$bindir/pg_verifybackup" -n -i tablespace_map -i "$wal_directory" "$staging/data") >&2 ||
            fail "backup $id is not what its manifest says"
    fi
    start_apart "$drill_unit" "# A drill of backup $id"
    wait_for 3600 recovered || fail "the server restored from backup $id does not end its recovery"
    ready=$(($(date +%s) - begin))
    databases=$(ask "select count(*) from pg_database where datallowconn")
    size=$(ask "select pg_size_pretty(sum(pg_database_size(oid))) from pg_database")
    result=
    if [ -x "$bindir/pg_amcheck" ]; then
        (cd / && as_service_user "$bindir/pg_amcheck" -h "$apart_socket" -p "$apart_port" --all --install-missing) >&2 ||
            fail "pg_amcheck finds damage in a server restored from backup $id"
        result="pg_amcheck finds no damage; "
    fi
    ok "${result}restored in $ready s: $databases databases, $size"
}
