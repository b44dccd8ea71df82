# Brings an extension of a database to the version that is installed.
# In: sql_database (a connection string) statement
main() {
    sql "$statement" >/dev/null || fail "cannot update the extension"
    ok
}
