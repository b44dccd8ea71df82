# Creates the replication role or gives it its rights and its password; the server is told a verifier, never the password.
# In: role and quoted_role (SQL), verifier (SQL literal, or empty to leave the password), quiet
main() {
    no_core
    password=
    [ -z "$verifier" ] || password="password $verifier"
    # Neither the log nor a synchronous standby that is not there yet has a part in this.
    sql "set log_statement = 'none'; set log_min_duration_statement = -1; set log_min_error_statement = panic;
         set synchronous_commit = local;
         select format('create role %I login replication', $role)
           where not exists (select from pg_roles where rolname = $role) \\gexec
         alter role $quoted_role with login replication $password" || fail "cannot set up the replication role"
    ok
}
