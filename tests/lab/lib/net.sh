# shellcheck shell=bash
# One bridge and one /24 per run, a network namespace per host, masquerading for package downloads.

# Takes the first free number: 10.77.N.0/24 and the bridge pglN.
net_up() {
    local n
    mkdir -p "$RUNS"
    exec 8>"$RUNS/.lock"
    flock 8
    for n in $(seq 1 250); do
        if ! ip link show "pgl$n" >/dev/null 2>&1; then break; fi
    done
    ip link add "pgl$n" type bridge
    ip addr add "10.77.$n.1/24" dev "pgl$n"
    ip link set "pgl$n" up
    exec 8>&-
    echo "$n" >"$R/net"
    sysctl -qw net.ipv4.ip_forward=1
    nft -f - <<TXT
table ip pgl$n {
    chain post { type nat hook postrouting priority 100; ip saddr 10.77.$n.0/24 ip daddr != 10.77.$n.0/24 masquerade; }
}
TXT
}

net_host_up() {
    local n host=$1 index=$2 ns
    n=$(<"$R/net")
    ns=pgl$n-$host
    # Interface names hold 15 characters.
    ip netns add "$ns"
    ip link add "pgl${n}h$index" type veth peer name eth0 netns "$ns"
    ip link set "pgl${n}h$index" master "pgl$n" up
    ip -n "$ns" link set lo up
    ip -n "$ns" addr add "10.77.$n.$((10 + index))/24" dev eth0
    ip -n "$ns" link set eth0 up
    ip -n "$ns" route add default via "10.77.$n.1"
    echo "$ns" >"$H/netns"
    echo "pgl${n}h$index" >"$H/veth"
    echo "10.77.$n.$((10 + index))" >"$H/address"
}

# What the host was given while it ran goes with its kernel, and nobody answers for it any more.
net_forget() {
    local ns own
    ns=$(<"$H/netns") own=$(<"$H/address")
    ip -n "$ns" -o addr show dev eth0 scope global | awk -v own="$own/24" '$4 != own { print $4 }' |
        while read -r address; do ip -n "$ns" addr del "$address" dev eth0; done
}

net_down() {
    local n ns link
    [ -f "$R/net" ] || return 0
    n=$(<"$R/net")
    # The kernel takes a namespace's own end of a pair away in its own time; the number may be taken again before that.
    for link in $(ip -o link show | sed -n "s/^[0-9]*: \(pgl${n}h[0-9]*\)@.*/\1/p"); do ip link del "$link" 2>/dev/null || :; done
    for ns in $(ip netns list | awk -v p="pgl$n-" 'index($1, p) == 1 { print $1 }'); do ip netns del "$ns"; done
    ip link show "pgl$n" >/dev/null 2>&1 && ip link del "pgl$n"
    nft delete table ip "pgl$n" 2>/dev/null || :
}
