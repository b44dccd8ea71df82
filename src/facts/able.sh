# Tells what a running server has beside its settings: the certificates that these name, and what its extensions are made of.
# Writes nothing, and of keys reads nothing. Kinds of needs: held (a setting, a blank and its file) and extensions.

# Each certificate and each list of revoked ones goes by the end of its signature, which no two have alike; of the server's
# own the first is told whole.
held() {
    setting=${name%% *} path=${name#* }
    if ! as_server test -e "$path"; then
        fact held "$setting" "is not there"
    elif ! as_server test -r "$path"; then
        fact held "$setting" "cannot be read by $service_user"
    else
        fact held "$setting" ""
        if [ "$setting" = ssl_cert_file ]; then own=yes; else own=no; fi
        # shellcheck disable=SC2016 # the programs are awk's
        as_server awk -v own="$own" '
            /^-----BEGIN (TRUSTED CERTIFICATE|CERTIFICATE|X509 CRL)-----/ { inside = 1; text = ""; next }
            /^-----END / {
                if (inside && length(text)) {
                    bare = text
                    sub(/=*$/, "", bare)
                    print "holds " substr(bare, length(bare) - 39)
                    if (own == "yes" && !whole++) print "certificate " text
                }
                inside = 0
                next
            }
            inside { gsub(/[^A-Za-z0-9+\/=]/, ""); text = text $0 }' "$path" |
            of=$setting awk "$awk_fact"'
                $1 == "holds" { column(ENVIRON["of"]) }
                { fact($1, $2) }' >&7
    fi
}

# In every database, one after the other in the same psql: which extensions have no control file here, and which libraries
# functions come from. A backslash is chr(92), whatever standard_conforming_strings is.
extensions() {
    fact now "$(date -u +%Y%m%d%H%M%S)"
    sql_options='-c statement_timeout=3000 -c lock_timeout=1000'
    # As pg_dump has it: the name within a connection string, and that in double quotes.
    there=$(sql "select 'database ' || datname || chr(10) || chr(92) || 'connect -reuse-previous=on \"dbname=' || chr(39) ||
            replace(replace(replace(datname, chr(92), repeat(chr(92), 2)), chr(39), chr(92) || chr(39)), '\"', '\"\"') || chr(39) || '\"'
        from pg_database where datallowconn and not datistemplate and datconnlimit <> -2 and datname !~ '[[:cntrl:]]'
        order by datname") || return 0
    printf '%s\n' "$there" | sed -n 's/^database //p' | fact_lines database
    told=$({
        printf '%s\n' '\set ON_ERROR_STOP off'
        printf '%s\n' "$there" | sed -n '/^\\/p' | head -n 100 | while IFS= read -r connect; do
            printf '%s\n' "$connect" "select 'extension ' || current_database() || chr(9) || extname from pg_extension
                where extname not in (select name from pg_available_extensions());
            select distinct 'library ' || current_database() || chr(9) || coalesce(extname, '') || chr(9) || probin from pg_proc p
                left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                left join pg_extension e on e.oid = d.refobjid and d.refclassid = 'pg_extension'::regclass
                where p.oid >= 16384 and probin is not null and probin !~ '[[:cntrl:]]';
            select 'looked ' || current_database();"
        done
    } | psql_here) || :
    printf '%s\n' "$told" | awk "$awk_fact"'
        /^(extension|library|looked) / {
            kind = $1
            n = split(substr($0, length(kind) + 2), part, "\t")
            for (i = 1; i < n; i++) column(part[i])
            fact("with_" kind, part[n])
        }' >&7
    kind=library
    while IFS= read -r name; do library; done <<-LIST
	$(printf '%s\n' "$told" | awk -F '\t' '/^library / && !seen[$3]++ { print $3 }')
	LIST
}
