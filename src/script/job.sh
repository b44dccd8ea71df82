# Long work on a host: a transient unit that outlives this connection, and is followed by its log and a file that
# it makes when it has ended well.

# Starts a transient unit of the service user that outlives this connection: start_unit UNIT SYSTEMD-RUN-ARGUMENTS...
# In: writable (what it may write besides the directory of the socket: paths, one a line)
start_unit() {
    new_unit=$1
    shift
    tries=0 confined=yes
    until said=$(run_unit "$@" 2>&1); do
        # That of RHEL 7 can confine nothing that it starts so.
        case $confined:$said in yes:*'nknown assignment'*)
            [ "${must_confine:-no}" = no ] ||
                fail "systemd of this host cannot keep a server away from the tablespaces of the one that runs: it knows no ProtectSystem=strict"
            confined=no
            continue
            ;;
        esac
        # A unit of that name that has just ended, or was only asked about, is forgotten in systemd's own time.
        tries=$((tries + 1))
        case $said in *'already loaded'*) [ "$tries" -lt 160 ] ;; *) false ;; esac || {
            printf '%s\n' "$said" >&2
            return 1
        }
        # One that still runs is of no use any more: who wants to join it does not come here.
        systemctl stop "$new_unit" 2>/dev/null || :
        systemctl reset-failed "$new_unit" 2>/dev/null || :
        # Stopping what has ended makes systemd look again whether it may be forgotten (262 does not always by itself).
        unit_active "$new_unit" || systemctl stop "$new_unit" 2>/dev/null || :
        sleep 0.25
    done
}

# It gains no right that its user does not have, and can write to what it works on and nothing else. A list of paths is one of
# quoted words (systemd.syntax(7)); a path with - may be missing.
run_unit() {
    if [ "$confined" = yes ]; then
        set -- -p NoNewPrivileges=yes -p ProtectSystem=strict "$@"
        # What is in these directories it must see.
        case "
$socket_directory/
$writable/" in *"
/tmp/"* | *"
/var/tmp/"*) ;; *) set -- -p PrivateTmp=yes "$@" ;; esac
        while IFS= read -r one; do
            if [ -n "$one" ]; then set -- -p "ReadWritePaths=\"-$(printf '%s' "$one" | sed 's/[\\"]/\\&/g')\"" "$@"; fi
        done <<-LIST
	$socket_directory
	$writable
	LIST
    fi
    systemd-run --quiet --unit="${new_unit%.service}" --uid="$service_user" --gid="$service_user" \
        --setenv=HOME="$home" --setenv=LC_ALL=C "$@"
}

unit_active() {
    case $(systemctl show -p ActiveState "$1" 2>/dev/null) in *=active | *=activating) return 0 ;; *) return 1 ;; esac
}

# The last words of a program that draws its progress over one line.
last_words() { as_service_user tail -c 4000 "$1" 2>/dev/null | tr '\r' '\n'; }

show_progress() {
    line=$(last_words "$1" | awk '$2 == "kB" { last = $1 } END { print last }')
    case $line in
        */*) progress "$((${line%%/*} * 1024))" "$((${line#*/} * 1024))" ;;
    esac
}

# Waits up to a second for a file. It is looked for often, because that costs nothing: is_made PATH
is_made() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'looks=0
        until [ -f "$1" ]; do
            looks=$((looks + 1))
            [ "$looks" -lt 10 ] || exit 1
            sleep 0.1
        done' sh "$1"
}

# Waits until work has ended: follow UNIT COMPLETE LOG. A unit that ended without that file has failed, and its last words
# are said.
follow() {
    until is_made "$2"; do
        unit_active "$1" || break
        show_progress "$3"
    done
    as_service_user test -f "$2" || {
        last_words "$3" | awk '$2 != "kB"' | tail -n 10 >&2
        systemctl reset-failed "$1" 2>/dev/null || :
        # What failed for want of the mount is not damaged.
        if [ -n "${top:-}" ] && ! as_service_user test -f "$top/.pgrepl"; then fail "$top is not there any more"; fi
        return 1
    }
}
