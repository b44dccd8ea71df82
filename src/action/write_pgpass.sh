# Replaces the cluster's own lines in .pgpass; the lines of others stay. What is written holds the password.
# In: content
main() {
    file=$home/.pgpass
    temporary=$(mktemp "$home/.pgrepl.XXXXXX")
    trap 'rm -f "$temporary"' EXIT
    {
        printf '# >>> pgrepl %s\n%s\n# <<< pgrepl %s\n' "$cluster" "$content" "$cluster"
        if [ -f "$file" ]; then
            awk -v from="# >>> pgrepl $cluster" -v to="# <<< pgrepl $cluster" '$0 == from { inside = 1 } !inside { print } $0 == to { inside = 0 }' "$file"
        fi
    } >"$temporary" || fail "cannot write $file: no space left"
    chown "$service_user:$service_user" "$temporary"
    chmod 600 "$temporary"
    sync "$temporary" 2>/dev/null || sync
    mv -f "$temporary" "$file"
    ok
}
