# shellcheck shell=sh
# Who has an address. In: interface port clients

# Whether this host has it: address_here IP
address_here() { [ -n "$(ip -o addr show to "$1" 2>/dev/null)" ]; }

# Whether the way to it leads over no other host, so that the neighbours can be asked: is_near IP
is_near() {
    case " $(ip -o route get "$1" 2>/dev/null | head -n 1) " in
        *' via '*) return 1 ;;
        *" dev $interface "*) return 0 ;;
        *) return 1 ;;
    esac
}

# Has the kernel ask the neighbours, by a connection that nobody needs; ends with 0 or 1 if a server answers: ask IP SECONDS
ask() { as_service_user "$clients/pg_isready" -q -t "$2" -h "$1" -p "$port" >/dev/null 2>&1; }

# The link-layer address of whoever answers for it: neighbour IP KIND (reachable: only who has just answered; any: or whom the
# kernel has learnt of since it forgot what it knew)
neighbour() {
    ip neigh show to "$1" dev "$interface" 2>/dev/null | kind=$2 awk '
        { for (at = 1; at < NF; at++) if ($at == "lladdr") found = $(at + 1) }
        found && (ENVIRON["kind"] == "any" ? $NF != "FAILED" : $NF == "REACHABLE") { print found; exit }'
}
