# Installs another version of packages with dnf or yum under a server that runs, and leaves it running.
# In: packages (NAME-VERSION, separated by blanks) version (of the server afterwards; or empty)

# No program that this calls stops or starts anything (systemd(1), SYSTEMD_OFFLINE).
quietly() { patiently env SYSTEMD_OFFLINE=1 "$manager" -qy --setopt=exit_on_lock=1 "$@"; }

main() {
    # What this run holds it may change itself.
    held=--disableplugin=versionlock
    # Names of packages are separated by blanks.
    # shellcheck disable=SC2086
    quietly "$held" --downloadonly install $packages || fail "cannot download $packages: $(why)"
    # shellcheck disable=SC2086
    quietly "$held" install $packages || fail "cannot install $packages: $(why)"
    systemctl daemon-reload
    found=$(as_service_user "$bindir/postgres" --version)
    case "$found " in *" $version "*) ;; *) [ -z "$version" ] || fail "expected PostgreSQL $version in $bindir, found $found" ;; esac
    ok "$found"
}
