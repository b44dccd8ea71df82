# The address that the primary alone holds: on this host, and at its next boot.
# In: verb (take, drop, set_unit or drop_unit) address (IP/PREFIX) interface program_path unit_path; to set the unit: program text

main() {
    case $verb in
        take)
            recovers=$(sql 'select pg_is_in_recovery()') || fail "the server does not answer"
            [ "$recovers" = f ] || refused "a primary" "a server whose pg_is_in_recovery() is $recovers"
            ip link show dev "$interface" >/dev/null 2>&1 || refused "an interface $interface" "none of this name"
            if ! address_here "${address%/*}"; then see_nobody; fi
            put_address || fail "cannot add $address to $interface"
            ok
            ;;
        drop)
            address_here "${address%/*}" || { already && return; }
            drop_address || fail "cannot take $address away"
            ok
            ;;
        set_unit)
            name=${unit_path##*/}
            (umask 022 && mkdir -p "${program_path%/*}")
            put_root "$program_path" 755 "$program"
            put_root "$unit_path" 644 "$text"
            systemctl daemon-reload
            systemctl enable --quiet "$name" >&2 || fail "cannot enable $name"
            ok
            ;;
        drop_unit)
            name=${unit_path##*/}
            systemctl disable --quiet --now "$name" >&2 2>/dev/null || :
            rm -f "$program_path" "$unit_path"
            systemctl daemon-reload
            systemctl reset-failed "$name" 2>/dev/null || :
            ok
            ;;
    esac
}

# An address that two hosts have is worse than one that nobody has.
see_nobody() {
    look_for_holder ||
        refused "to see whether somebody else has ${address%/*}" "the way to it leads over another host, and there is no arping of iputils here"
    [ -n "$holder" ] || return 0
    also=$(ip neigh show | link=$holder this=${address%/*} awk '
        { for (at = 1; at < NF; at++) if ($at == "lladdr" && $(at + 1) == ENVIRON["link"] && $1 != ENVIRON["this"]) print $1 }' | sort -u | tr '\n' ' ')
    also=${also% }
    refused "nobody to answer for ${address%/*}" "$holder answers for it${also:+, who has $also too}"
}
