# Tells which packages of the server are installed and which versions are offered, and which extensions databases have in an
# older version than is installed. Writes nothing but the package manager's own lists.
# In: to (a minor version, or empty: the newest) fresh (yes: read the lists of the repositories anew) serves (yes: the server runs)

# Says the newest of some versions, one a line, that is of the wanted minor version.
newest() {
    while read -r version; do
        case ${version#*:} in "$to" | "$to"[-+~]*) printf '%s\n' "$version" ;; *) [ -n "$to" ] || printf '%s\n' "$version" ;; esac
    done | sort -V | tail -n 1
}

# Every package that comes from the server's own source, and the extensions that are named after its version.
installed_apt() {
    # shellcheck disable=SC2016 # dpkg-query's own words
    dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\t${Version}\t${source:Package}\n' 2>/dev/null |
        awk -F '\t' -v s="postgresql-$major" '$1 ~ /^[ih]/ && $1 !~ /^.[nc]/ && ($4 == s || index($2 "-", s "-") == 1) {
            state = substr($1, 2, 1) == "i" ? "installed" : "unfinished"
            print state, $2, $3, ($4 == s ? "own" : "other") }'
}
offers_apt() {
    if [ "$fresh" = yes ]; then
        run apt-get update -qq || fact not_offered "$(why)"
    fi
    installed_apt | while read -r state name version of; do
        offered=$(apt-cache madison "$name" 2>/dev/null | awk -F '|' '{ gsub(" ", "", $2); print $2 }' |
            if [ "$of" = own ]; then newest; else to='' newest; fi)
        # What an owner has pinned stays, unless a version is asked for.
        [ -n "$to" ] || offered=$(apt-cache policy "$name" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }')
        fact package "$name" "$version" "$offered" "$state"
    done
}

offers_dnf() {
    compact=$(printf '%s' "$major" | tr -d .)
    if [ "$fresh" = yes ]; then run "$manager" -q makecache || fact not_offered "$(why)"; fi
    rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n' | awk -v s="postgresql$compact" -v e="_$compact" '
        index($1 "-", s "-") == 1 || substr($1, length($1) - length(e) + 1) == e' |
        while read -r name version; do
            case $name in "postgresql$compact" | "postgresql$compact"-*) wanted=$to ;; *) wanted= ;; esac
            offered=$("$manager" -q list --showduplicates "$name" 2>/dev/null </dev/null | awk -v n="$name." 'index($1, n) == 1 { print $2 }' |
                to=$wanted newest)
            fact package "$name" "$version" "${offered#*:}" installed
        done
}

# In every database that lets somebody in, templates among them: what it has of an extension is not what is installed, and there
# is a way there. In the order in which they were made, so that none comes before another that it needs.
old_extensions() {
    sql_options='-c statement_timeout=3000 -c lock_timeout=1000'
    sql "select datname from pg_database where not datallowconn and datname <> 'template0' order by datname" 2>/dev/null |
        head -n 100 | fact_lines closed_database
    # The name within a connection string, whatever it is.
    sql "select 'dbname=' || chr(39) || replace(replace(datname, chr(92), repeat(chr(92), 2)), chr(39), chr(92) || chr(39)) || chr(39)
        from pg_database where datallowconn and datname !~ '[[:cntrl:]]' order by datname" 2>/dev/null |
        head -n 100 | while IFS= read -r sql_database; do
        sql "select current_database() || chr(9) || a.name || chr(9) || a.installed_version || chr(9) || a.default_version
            from pg_available_extensions a join pg_extension e on e.extname = a.name
            where a.installed_version <> a.default_version and a.name !~ '[[:cntrl:]]' and exists (
                select from pg_extension_update_paths(a.name) p
                where p.source = a.installed_version and p.target = a.default_version and p.path is not null)
            order by e.oid" 2>/dev/null </dev/null || :
    done | awk "$awk_fact"'{
        n = split($0, part, "\t")
        for (i = 1; i < n; i++) column(part[i])
        fact("extension", part[n])
    }' >&7
}

main() {
    case $installer in
        apt) offers_apt ;;
        dnf) offers_dnf ;;
        nobody) ;;
    esac
    if [ "$serves" = yes ]; then old_extensions; fi
}
