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

# Adds it, and tells the neighbours.
put_address() {
    if [ -n "$(ip -o addr show to "${address%/*}" dev "$interface" | all=$address awk '$4 == ENVIRON["all"]')" ]; then return 0; fi
    drop_address || return
    case $address in
        *:*)
            # The kernel tells them itself where it is told to. Nobody else has it: that was looked for, which takes the
            # kernel a second more.
            notify=/proc/sys/net/ipv6/conf/$interface/ndisc_notify
            before=$(cat "$notify" 2>/dev/null) || before=
            if ! echo 1 2>/dev/null >"$notify"; then
                note "the neighbours are not told where ${address%/*} is: $notify cannot be written"
            fi
            ip addr add "$address" dev "$interface" nodad >&2 || return
            # shellcheck disable=SC2016 # expanded by the shell it is given to
            go_on_alone sh -c 'sleep 1 && echo "$1" >"$2"' sh "$before" "$notify"
            ;;
        *)
            ip addr add "$address" dev "$interface" >&2 || return
            announce
            ;;
    esac
}

# Gratuitous ARP, as a request and as a reply: at once, and three times more for who has missed it.
announce() {
    if command -v perl >/dev/null; then
        # Its number, and its link-layer address.
        set -- "${address%/*}" "$(ip -o link show dev "$interface" | sed 's/:.*//')" \
            "$(ip -o link show dev "$interface" | sed -n 's/.* link\/ether \([0-9a-f:]*\).*/\1/p')"
        perl -e "$announcement" "$@" >&2 || :
        # shellcheck disable=SC2016 # expanded by the shell it is given to
        go_on_alone sh -c 'for _ in 1 2 3; do sleep 1 && perl -e "$@"; done' sh "$announcement" "$@"
    elif iputils_arping; then
        go_on_alone arping -q -U -c 4 -I "$interface" "${address%/*}"
    else
        note "neither perl nor the arping of iputils is there to tell the neighbours: some may look for ${address%/*} where it was for a minute"
    fi
}
# shellcheck disable=SC2016 # for perl
announcement='
    my ($address, $index, $link) = @ARGV;
    $link = pack("H12", join("", split(/:/, $link)));
    $address = pack("C4", split(/[.]/, $address));
    # AF_PACKET, SOCK_DGRAM, ETH_P_ARP; struct sockaddr_ll of packet(7).
    socket(my $socket, 17, 2, unpack("S", pack("n", 0x0806))) or die "no socket: $!";
    my $all = "\xff" x 6;
    my $to = pack("S n l S C C a8", 17, 0x0806, $index, 1, 0, 6, $all);
    for my $kind (1, 2) {
        send($socket, pack("n n C C n a6 a4 a6 a4", 1, 0x0800, 6, 4, $kind, $link, $address, $all, $address), 0, $to) or die "not sent: $!";
    }'
