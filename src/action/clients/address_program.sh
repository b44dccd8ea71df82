# address: written by pgrepl. systemd runs it once at boot; nothing else configures the address that the primary alone holds.
# It adds that address where its server says that it is no standby, and nobody else answers for it.
# In: cluster bindir port socket_directory service_user address interface peers (names or addresses of the other servers)
clients=$bindir
if [ ! -x "$clients/psql" ]; then clients=$(dirname "$(command -v psql)"); fi

as_service_user() { runuser -u "$service_user" -- "$@"; }
note() { echo "$1" >&2; }

recovering() {
    PGCONNECT_TIMEOUT=2 as_service_user timeout 5 "$clients/psql" -XAtq -w -h "$socket_directory" -p "$port" -d postgres \
        -c 'select pg_is_in_recovery()' 2>/dev/null
}

# Who hears nobody may be cut off, as behind a switch that has just seen it: then nobody answers for the address either.
hears_somebody() {
    others=$peers
    for gateway in $(ip route show default | awk '{ for (at = 1; at < NF; at++) if ($at == "via") print $(at + 1) }'); do
        others="$others $gateway"
    done
    [ -n "${others# }" ] || return 0
    for other in $others; do
        found=$(timeout 5 getent ahosts "$other" | awk 'NR == 1 { print $1 }')
        if [ -n "$found" ] && hears "$found"; then return 0; fi
    done
    return 1
}
hears() {
    code=0
    ask "$1" 2 || code=$?
    case $code in 0 | 1) return 0 ;; esac
    is_near "$1" && [ -n "$(neighbour "$1" reachable)" ]
}

# A run that makes this server a standby meanwhile comes first, or waits.
add() (
    mkdir -p /run/pgrepl
    exec 4>>"/run/pgrepl/$cluster.work"
    flock -w 60 4 || return 0
    echo "the address of the primary, at boot" >"/run/pgrepl/$cluster.work"
    [ "$(recovering)" = f ] || return 0
    put_address || return
    note "$address is on $interface: the server is no standby, and nobody else answers for it"
)

tries=720
while [ "$tries" -gt 0 ]; do
    tries=$((tries - 1))
    case $(recovering) in
        t) exit 0 ;;
        f)
            if address_here "${address%/*}"; then exit 0; fi
            if ! hears_somebody; then
                note "nobody else of the network answers: $address is not added now"
            elif ! look_for_holder; then
                note "this host cannot see whether somebody else has $address: it is not added"
                exit 1
            elif [ -n "$holder" ]; then
                note "$holder answers for $address: it is not added"
                exit 1
            else
                add
                exit
            fi
            ;;
    esac
    sleep 5
done
