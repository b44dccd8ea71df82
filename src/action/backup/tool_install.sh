# Installs the packages of a backup engine.
# In: program packages version (what makes it tell its version) least (the first version that will do, or empty)
main() {
    if command -v "$program" >/dev/null 2>&1; then
        already
        return
    fi
    case $installer in apt) set -- --no-install-recommends ;; *) set -- ;; esac
    # Names of packages are separated by blanks.
    # shellcheck disable=SC2086
    install_packages "$@" $packages || fail "cannot install $packages: $(why)"
    command -v "$program" >/dev/null 2>&1 || fail "cannot find $program after installing $packages"
    if [ -n "$least" ]; then
        found=$(cd / && "$program" "$version" 2>/dev/null | sed 's/^[^0-9]*//')
        [ "$(printf '%s\n' "$least" "$found" | sort -V | head -n 1)" = "$least" ] ||
            fail "$program is too old for the version of PostgreSQL: expected $least or newer, found $found"
    fi
    ok
}
