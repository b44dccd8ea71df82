# The host's own package manager: apt-get, dnf or yum.
manager=apt-get
if [ "$installer" != apt ]; then
    for known in yum dnf; do
        if command -v "$known" >/dev/null; then manager=$known; fi
    done
fi
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND

said=''
run() {
    said=$("$@" 2>&1 </dev/null) || {
        printf '%s\n' "$said" | tail -n 15 >&2
        return 1
    }
}
why() {
    if is_locked; then who_locks; else printf '%s\n' "$said" | sed '/^ *$/d' | tail -n 1; fi
}

# Whether a package manager has just said that somebody else works with it.
is_locked() {
    case $said in
        *'Could not get lock'* | *'Unable to lock'* | *'was locked by'* | *'obtain the transaction lock'* | *'holding the yum lock'* | *'already locked by'*) ;;
        *) return 1 ;;
    esac
}
# Runs a command of the package manager, and waits until whoever works with it is done, for two minutes.
patiently() {
    patience=$(($(date +%s) + 120)) waits=no
    until said=$("$@" 2>&1 </dev/null); do
        if ! is_locked || [ "$(date +%s)" -ge "$patience" ]; then
            printf '%s\n' "$said" | tail -n 15 >&2
            return 1
        fi
        [ "$waits" = yes ] || note "waits for up to two minutes, somebody else works with the package manager: $(who_locks)"
        waits=yes
        sleep 1
    done
}
who_locks() { printf '%s\n' "$said" | sed -n '/ lock/ { p; q; }'; }

get() {
    case $manager in
        apt-get) run apt-get install -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@" ;;
        *) run "$manager" -qy install "$@" ;;
    esac
}
update_lists() { patiently apt-get update -qq || fail "cannot update the package lists: $(why)"; }

# Only where packages are not found does apt-get read its lists anew; the others do so by themselves.
install_packages() {
    get "$@" && return
    [ "$manager" = apt-get ] || return 1
    update_lists
    get "$@"
}
