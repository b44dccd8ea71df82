# shellcheck shell=sh
# Gives this host the address that the primary alone holds, and takes it away. In: what neighbour.sh needs

iputils_arping() { arping -V 2>&1 | grep -q iputils; }

# Looks for somebody else who has it, and leaves the link-layer address of whoever answers in holder. The kernel forgets what it
# knew and asks three times. Fails where this host cannot see it.
look_for_holder() {
    holder=
    if is_near "${address%/*}" && [ -x "$clients/pg_isready" ]; then
        ip neigh flush to "${address%/*}" dev "$interface" 2>/dev/null || :
        ask "${address%/*}" 4 || :
        holder=$(neighbour "${address%/*}" any)
    elif iputils_arping; then
        # Its exit status means one thing or the other, by its version.
        holder=$(arping -D -c 3 -w 4 -I "$interface" "${address%/*}" 2>/dev/null |
            sed -n 's/.*reply from [^[]*\[\([0-9A-Fa-f:]*\)\].*/\1/p' | head -n 1) || :
    else
        return 1
    fi
}

# Takes it away from every interface.
drop_address() {
    ip -o addr show to "${address%/*}" | awk '{ print $2, $4 }' | while read -r at all; do
        ip addr del "$all" dev "$at" >&2 || :
    done
    ! address_here "${address%/*}"
}

# A program that this connection is not held by: it has nothing of it, as a shell of its own would that keeps what it had before a
# redirection.
go_on_alone() { "$@" </dev/null >/dev/null 2>&1 4>&- 6<&- 7>&- & }

# Adds it, and tells the neighbours. That nobody else has it was looked for: the kernel need not, which takes it a second for IPv6.
put_address() {
    if [ -n "$(ip -o addr show to "${address%/*}" dev "$interface" | all=$address awk '$4 == ENVIRON["all"]')" ]; then return 0; fi
    drop_address || return
    case $address in
        *:*) ip addr add "$address" dev "$interface" nodad >&2 || return ;;
        *) ip addr add "$address" dev "$interface" >&2 || return ;;
    esac
    announce
}

# Gratuitous ARP, as a request and as a reply, or an unsolicited neighbour advertisement: at once, and three times more for who
# has missed it, while it is here.
announce() {
    if command -v perl >/dev/null; then
        # Its number, and its link-layer address.
        set -- "${address%/*}" "$(ip -o link show dev "$interface" | sed 's/:.*//')" \
            "$(ip -o link show dev "$interface" | sed -n 's/.* link\/ether \([0-9a-f:]*\).*/\1/p')"
        perl -e "$announcement" "$@" >&2 || note "the neighbours could not be told where ${address%/*} is now"
        # shellcheck disable=SC2016 # expanded by the shell it is given to
        go_on_alone sh -c 'for _ in 1 2 3; do sleep 1 && [ -n "$(ip -o addr show to "$2")" ] && perl -e "$@"; done' sh "$announcement" "$@"
    elif [ "${address#*:}" = "$address" ] && iputils_arping; then
        # shellcheck disable=SC2016 # expanded by the shell it is given to
        go_on_alone sh -c 'for _ in 1 2 3 4; do [ -n "$(ip -o addr show to "$2")" ] && arping -q -U -c 1 -I "$1" "$2"; sleep 1; done' \
            sh "$interface" "${address%/*}"
    else
        note "nothing here tells the neighbours where ${address%/*} is now, for there is no perl: some may look for it where it was for a minute"
    fi
}
# shellcheck disable=SC2016 # for perl
announcement='
    my ($address, $index, $link) = @ARGV;
    $link = pack("H12", join("", split(/:/, $link)));
    if ($address =~ /:/) {
        my ($before, $behind) = map { [split(/:/, $_)] } split(/::/, $address, 2), "", "";
        my @words = (@$before, (0) x (8 - @$before - @$behind), @$behind);
        my $bytes = pack("n8", map { hex } @words);
        my $own = pack("S n N a16 L", 10, 0, 0, $bytes, $index);
        my $all = pack("S n N a16 L", 10, 0, 0, "\xff\x02" . "\0" x 13 . "\x01", $index);
        # AF_INET6, SOCK_RAW, IPPROTO_ICMPV6: the kernel adds the checksum; IPV6_MULTICAST_HOPS. RFC 4861, 4.4: override.
        socket(my $socket, 10, 3, 58) or die "no socket: $!";
        setsockopt($socket, 41, 18, pack("i", 255)) && bind($socket, $own) or die "no use of it: $!";
        send($socket, pack("C C n N a16 C C a6", 136, 0, 0, 0x20000000, $bytes, 2, 1, $link), 0, $all) or die "not sent: $!";
        exit;
    }
    $address = pack("C4", split(/[.]/, $address));
    # AF_PACKET, SOCK_DGRAM, ETH_P_ARP; struct sockaddr_ll of packet(7).
    socket(my $socket, 17, 2, unpack("S", pack("n", 0x0806))) or die "no socket: $!";
    my $all = "\xff" x 6;
    my $to = pack("S n l S C C a8", 17, 0x0806, $index, 1, 0, 6, $all);
    for my $kind (1, 2) {
        send($socket, pack("n n C C n a6 a4 a6 a4", 1, 0x0800, 6, 4, $kind, $link, $address, $all, $address), 0, $to) or die "not sent: $!";
    }'
