# Installs PostgreSQL's packages without letting them create a cluster of their own, from the repositories that the host
# has; only where none of them offers the version, from the PostgreSQL project's own.
# In: packages

offered() { apt-cache policy "postgresql-$major" 2>/dev/null | grep -q 'Candidate: [^(]'; }

main() {
    if [ -x "$bindir/postgres" ] && [ -x "$bindir/pg_basebackup" ]; then
        already
        return
    fi
    install_packages --no-install-recommends postgresql-common || fail "cannot install postgresql-common: $(why)"
    offered || update_lists
    if ! offered; then
        run /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y ||
            fail "cannot add the PostgreSQL project's repository: $(why)"
        offered || fail "no repository offers postgresql-$major, not even the PostgreSQL project's"
        note "added the PostgreSQL project's repository: no other one offers postgresql-$major"
    fi
    rule=/etc/postgresql-common/createcluster.d/pgrepl.conf
    mkdir -p "${rule%/*}"
    echo 'create_main_cluster = false' >"$rule"
    trap 'rm -f "$rule"' EXIT
    # Names of packages are separated by blanks.
    # shellcheck disable=SC2086
    install_packages $packages || fail "cannot install $packages: $(why)"
    [ -x "$bindir/postgres" ] || fail "cannot find $bindir/postgres after installing $packages"
    ok "$(as_service_user "$bindir/postgres" --version)"
}
