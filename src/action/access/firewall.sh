# Opens or closes a port in the host's firewall, now and after the next start; what others made stays as it is.
# In: verb (open or close) kind (firewalld or ufw) rule_port sources

rich_rule() {
    case $1 in
        any) printf 'rule port port="%s" protocol="tcp" accept' "$rule_port" ;;
        *:*) printf 'rule family="ipv6" source address="%s" port port="%s" protocol="tcp" accept' "$1" "$rule_port" ;;
        *) printf 'rule family="ipv4" source address="%s" port port="%s" protocol="tcp" accept' "$1" "$rule_port" ;;
    esac
}
# What stands in a zone, and what will after the next start.
now() { firewall-cmd --quiet --zone="$1" --"$2"-rich-rule="$3"; }
next() { firewall-cmd --quiet --permanent --zone="$1" --"$2"-rich-rule="$3"; }

open_firewalld() {
    rule=$(rich_rule "$1")
    for zone in $zones; do
        has_now=no has_next=no
        if now "$zone" query "$rule"; then has_now=yes; fi
        if next "$zone" query "$rule"; then has_next=yes; fi
        # Told before it is done, so that a rule of ours is never taken for another's.
        if [ "$has_now$has_next" = nono ]; then
            mkdir -p "${firewall_record%/*}"
            printf '%s %s %s\n' "$zone" "$1" "$rule_port" >>"$firewall_record" || fail "cannot write $firewall_record"
            sync "$firewall_record" 2>/dev/null || :
        fi
        [ "$has_next" = yes ] || next "$zone" add "$rule" || fail "firewalld does not take the rule: $rule"
        [ "$has_now" = yes ] || now "$zone" add "$rule" || fail "firewalld does not take the rule: $rule"
    done
}
close_firewalld() {
    rule=$(rich_rule "$1")
    recorded=$(awk -v source="$1" -v port="$rule_port" '$2 == source && $3 == port { print $1 }' "$firewall_record" 2>/dev/null || :)
    for zone in $recorded; do
        for when in next now; do
            if "$when" "$zone" query "$rule"; then "$when" "$zone" remove "$rule" || fail "firewalld does not take the rule away: $rule"; fi
        done
    done
    if [ -f "$firewall_record" ]; then
        awk -v source="$1" -v port="$rule_port" '$2 != source || $3 != port' "$firewall_record" >"$firewall_record.new" ||
            fail "cannot write $firewall_record"
        mv -f "$firewall_record.new" "$firewall_record" || fail "cannot write $firewall_record"
    fi
}

# The words of a rule of ufw after `allow`.
ufw_rule() {
    if [ "$1" = any ]; then set -- "$rule_port/tcp"; else set -- proto tcp from "$1" to any port "$rule_port"; fi
    printf '%s\n' "$*"
}
# Adding a rule that stands there already would write our comment over another's.
open_ufw() {
    case $rules in *"rule $1 $rule_port "*) return ;; esac
    # The words of a rule are separated by blanks.
    # shellcheck disable=SC2046
    ufw allow $(ufw_rule "$1") comment "pgrepl $cluster" || fail "ufw does not take the rule for $1"
}
close_ufw() {
    case $rules in *"rule $1 $rule_port ours "*) ;; *) return ;; esac
    # shellcheck disable=SC2046
    ufw delete allow $(ufw_rule "$1") || fail "ufw does not take the rule for $1 away"
}

main() {
    [ "$(firewall_kind)" = "$kind" ] || refused "$kind, and that it runs" "$(firewall_kind | grep . || echo none)"
    rules=$(firewall_rules "$kind")
    zones=$(printf '%s\n' "$rules" | sed -n 's/^zone //p')
    for source in $sources; do
        case ${verb}_$kind in
            open_firewalld) open_firewalld "$source" ;;
            close_firewalld) close_firewalld "$source" ;;
            open_ufw) open_ufw "$source" ;;
            close_ufw) close_ufw "$source" ;;
        esac
    done
    ok
}
