# Installs another version of packages under a server that runs, and leaves it running: only a restart makes it use them.
# In: packages (NAME=VERSION, separated by blanks) version (of the server afterwards; or empty)

# No program that this calls stops or starts anything (systemd(1), SYSTEMD_OFFLINE), nor does what restarts servers on its own.
quietly() {
    patiently env SYSTEMD_OFFLINE=1 NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none \
        apt-get -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=0 -o Dpkg::Options::=--force-confold \
        install --only-upgrade --allow-change-held-packages "$@"
}

# apt-get gives free what it changes.
hold_again() {
    # shellcheck disable=SC2086
    [ -z "$held" ] || patiently apt-mark hold $held || note "packages may not be held any more: $(why)"
}

main() {
    held=$(apt-mark showhold) || fail "cannot tell which packages are held"
    trap hold_again EXIT
    # Names of packages are separated by blanks.
    # shellcheck disable=SC2086
    if ! quietly --download-only $packages; then
        if is_locked; then fail "cannot install $packages: $(why)"; fi
        # One that was cut short in the middle is finished first.
        patiently env SYSTEMD_OFFLINE=1 NEEDRESTART_SUSPEND=1 dpkg --configure -a --force-confold || :
        update_lists
        quietly --download-only $packages || fail "cannot download $packages: $(why)"
    fi
    # shellcheck disable=SC2086
    quietly $packages || fail "cannot install $packages: $(why)"
    systemctl daemon-reload
    found=$(as_service_user "$bindir/postgres" --version)
    case "$found " in *" $version "*) ;; *) [ -z "$version" ] || fail "expected PostgreSQL $version in $bindir, found $found" ;; esac
    ok "$found"
}
