# Installs PostgreSQL's packages without letting them create a cluster of their own.
# In: packages
main() {
    if [ -x "$bindir/postgres" ] && [ -x "$bindir/pg_basebackup" ]; then
        already
        return
    fi
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    set -- -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120
    # Names of packages are separated by blanks.
    # shellcheck disable=SC2086
    if ! apt-get install "$@" --no-install-recommends postgresql-common; then
        apt-get update -qq || fail "cannot update the package lists"
        apt-get install "$@" --no-install-recommends postgresql-common || fail "cannot install postgresql-common"
    fi
    rule=/etc/postgresql-common/createcluster.d/pgrepl.conf
    mkdir -p "${rule%/*}"
    echo 'create_main_cluster = false' >"$rule"
    # shellcheck disable=SC2086
    if ! apt-get install "$@" $packages; then
        apt-get update -qq || fail "cannot update the package lists"
        # shellcheck disable=SC2086
        apt-get install "$@" $packages || {
            rm -f "$rule"
            fail "cannot install $packages"
        }
    fi
    rm -f "$rule"
    [ -x "$bindir/postgres" ] || fail "cannot find $bindir/postgres after installing $packages"
    ok "$("$bindir/postgres" --version)"
}
