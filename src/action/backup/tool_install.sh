# Installs the packages of a backup engine.
# In: program packages
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
    ok
}
