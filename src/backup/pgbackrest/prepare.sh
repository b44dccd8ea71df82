# Makes the stanza: the cluster's place in the repository.
# In: top
main() {
    check_owner
    timeout 30 mkdir -p "$top/pgbackrest" || fail "the service user cannot write to $top"
    said=$(backrest stanza-create --log-level-console=info 2>&1) || {
        printf '%s\n' "$said" >&2
        fail "cannot create the stanza $cluster: $(printf '%s\n' "$said" | backrest_error)"
    }
    [ -f "$top/pgbackrest/archive/$cluster/archive.info" ] || fail "pgbackrest made no stanza $cluster in $top/pgbackrest"
    ok
}
