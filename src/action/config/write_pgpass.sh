# Replaces the cluster's own lines in .pgpass; the lines of others stay. What is written holds the password.
# In: content
main() {
    no_core
    file=$home/.pgpass
    # Another cluster of this host may have its lines written at the same time.
    mkdir -p /run/pgrepl
    exec 9>/run/pgrepl/pgpass.lock
    timeout 60 flock 9 || fail "cannot lock $file"
    # As the service user, in his home: root would read and write whatever he put there.
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    printf '# >>> pgrepl %s\n%s\n# <<< pgrepl %s\n' "$cluster" "$content" "$cluster" | (
        cd / && as_service_user sh -c '
            set -eu
            umask 077
            temporary=$(mktemp "$1/.pgrepl.XXXXXX")
            trap "rm -f $temporary" EXIT
            cat >"$temporary"
            if [ -f "$2" ]; then
                awk -v from="# >>> pgrepl $3" -v to="# <<< pgrepl $3" "\$0 == from { inside = 1 } !inside { print } \$0 == to { inside = 0 }" "$2" >>"$temporary"
            fi
            sync "$temporary" 2>/dev/null || sync
            mv -f "$temporary" "$2" || exit 1' sh "$home" "$file" "$cluster"
    ) || fail "cannot write $file: no space left"
    ok
}
