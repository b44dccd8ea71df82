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
why() { printf '%s\n' "$said" | sed '/^ *$/d' | tail -n 1; }

get() {
    case $manager in
        apt-get) run apt-get install -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@" ;;
        *) run "$manager" -qy install "$@" ;;
    esac
}
update_lists() { run apt-get update -qq || fail "cannot update the package lists: $(why)"; }

# Only where packages are not found does apt-get read its lists anew; the others do so by themselves.
install_packages() {
    get "$@" && return
    [ "$manager" = apt-get ] || return 1
    update_lists
    get "$@"
}
