# Tells which PostgreSQL servers a host has, its own addresses, what it resolves names and addresses to, and where a backup
# tool that somebody set up keeps its backups.
# In: ask (names and addresses, separated by blanks) find_backups (shell text of the engines)

# The names that /etc/hosts and DNS have for an address.
names_of() {
    timeout 5 getent hosts "$1" 2>/dev/null |
        of=$1 awk "$awk_fact"'{ for (i = 2; i <= NF; i++) { column(ENVIRON["of"]); fact("named", $i) } }' >&7 || :
}

addresses_of() {
    timeout 5 getent ahosts "$1" 2>/dev/null |
        of=$1 awk "$awk_fact"'!seen[$1]++ { column(ENVIRON["of"]); fact("resolved", $1) }' >&7 || :
}

# The PostgreSQL project's RPM packages: the data of postgresql-V.service is where its PGDATA says.
rpm_servers() {
    for program in /usr/pgsql-*/bin/postgres; do
        if [ ! -x "$program" ]; then continue; fi
        version=${program#/usr/pgsql-}
        version=${version%%/*}
        # systemctl of systemd 219 knows no --value.
        data_directory=$(systemctl show -p Environment "postgresql-$version.service" 2>/dev/null |
            sed 's/^Environment=//' | tr ' ' '\n' | sed -n 's,^PGDATA=,,p' | tail -n 1)
        data_directory=${data_directory:-/var/lib/pgsql/$version/data}
        data_directory=${data_directory%/}
        if [ ! -f "$data_directory/PG_VERSION" ]; then continue; fi
        state=down port=
        if postmaster_pid >/dev/null; then
            # Its fourth line is the port (src/include/utils/pidfile.h).
            state=online port=$(sed -n '4{s/[^0-9].*//;p}' "$data_directory/postmaster.pid")
        fi
        fact server "$version" "" "$port" "$state" "$data_directory"
    done
}

main() {
    ip -o addr show scope global 2>/dev/null | awk "$awk_fact"'{ sub("/.*", "", $4); fact("address", $4) }' >&7
    if command -v pg_lsclusters >/dev/null 2>&1; then
        # Version, name, port, state, owner, data directory (pg_lsclusters(1)).
        pg_lsclusters -h | awk "$awk_fact"'{ for (i = 1; i < 5; i++) column($i); fact("server", $6) }' >&7
    fi
    rpm_servers
    eval "$find_backups"
    for name in $ask; do
        case $name in
            *:*) names_of "$name" ;;
            *[!0-9.]*) addresses_of "$name" ;;
            *) names_of "$name" ;;
        esac
    done
}
