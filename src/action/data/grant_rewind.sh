# Lets the replication role read the files that pg_rewind reads, and nothing more.
# In: quoted_role (SQL)
main() {
    # It is to read all that is there.
    for place in "$data_directory" "$data_directory"/pg_wal "$data_directory"/pg_xlog "$data_directory"/pg_tblspc/*; do own_lost "$place"; done
    sql "set synchronous_commit = local;
         grant execute on function pg_catalog.pg_ls_dir(text, boolean, boolean) to $quoted_role;
         grant execute on function pg_catalog.pg_stat_file(text, boolean) to $quoted_role;
         grant execute on function pg_catalog.pg_read_binary_file(text) to $quoted_role;
         grant execute on function pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) to $quoted_role" ||
        fail "cannot give the replication role its rights"
    ok
}
