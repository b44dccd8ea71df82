# Brings extensions of databases to the version that is installed. One that fails stays as it was, and the others go on.
# In: extensions (a connection string and a statement a line, separated by a tab)

# Nobody waits behind a statement that waits itself.
sql_options='-c lock_timeout=10000'

main() {
    failed=0 all=0
    while IFS='	' read -r sql_database statement; do
        [ -n "$statement" ] || continue
        all=$((all + 1))
        sql "$statement" >/dev/null </dev/null && continue
        failed=$((failed + 1))
        note "not done in $sql_database: $statement"
    done <<TXT
$extensions
TXT
    [ "$failed" = 0 ] || fail "$failed of $all extensions stay as they were"
    ok
}
