# Installs PostgreSQL's packages with dnf or yum, from the repositories that the host has; only where none of them offers
# the version, from the PostgreSQL project's own.
# In: packages

# Whether managers call it an error that there is no such package differs between them.
offered() { "$manager" -q list "$1" 2>/dev/null </dev/null | grep -q "^$1"; }

# The distribution's own module hides the project's packages; where there is no such module this says so and fails.
show_project() { [ "$manager" = yum ] || dnf -qy module disable postgresql >/dev/null 2>&1 </dev/null || :; }

project_repository() {
    # shellcheck disable=SC1091
    name=$(. /etc/os-release && case $ID in
        fedora) printf 'F-%s-%s/pgdg-fedora' "${VERSION_ID%%.*}" "$(uname -m)" ;;
        *) printf 'EL-%s-%s/pgdg-redhat' "${VERSION_ID%%.*}" "$(uname -m)" ;;
    esac)
    printf '%s' "https://download.postgresql.org/pub/repos/yum/reporpms/$name-repo-latest.noarch.rpm"
}

main() {
    if [ -x "$bindir/postgres" ] && [ -x "$bindir/pg_basebackup" ]; then
        already
        return
    fi
    [ "$manager" != apt-get ] || fail "cannot install $packages: there is neither dnf nor yum"
    show_project
    if ! offered "${packages%% *}"; then
        repository=$(project_repository)
        get "$repository" || fail "cannot add the PostgreSQL project's repository $repository: $(why)"
        note "added the PostgreSQL project's repository: no other one offers ${packages%% *}"
        show_project
    fi
    # Names of packages are separated by blanks.
    # shellcheck disable=SC2086
    install_packages $packages || fail "cannot install $packages: $(why)"
    [ -x "$bindir/postgres" ] || fail "cannot find $bindir/postgres after installing $packages"
    ok "$(as_service_user "$bindir/postgres" --version)"
}
