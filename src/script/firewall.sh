# What a firewall lets in, by rules that name one TCP port and one address or none, and what its owner has it refuse;
# other rules are nobody's business.

# Prints which firewall runs here, or nothing.
firewall_kind() {
    if command -v firewall-cmd >/dev/null 2>&1 && systemctl is-active -q firewalld 2>/dev/null; then
        echo firewalld
    elif command -v ufw >/dev/null 2>&1 && grep -qsi '^ENABLED=yes' /etc/ufw/ufw.conf; then
        echo ufw
    fi
}

# What pgrepl itself has opened in firewalld, whose rules bear no name: ZONE SOURCE PORT.
firewall_record=/var/lib/pgrepl/$cluster/firewalld

# Prints the rules of firewalld, `now` and after the `next` start, with the zones that they are in.
firewalld_lists() {
    if [ -f "$firewall_record" ]; then sed 's/^/record /' "$firewall_record"; fi
    printf 'default %s\n' "$(sed -n 's/^DefaultZone=//p' /etc/firewalld/firewalld.conf 2>/dev/null)"
    firewall-cmd --list-all-zones | sed 's/^/now /'
    firewall-cmd --permanent --list-all-zones | sed 's/^/next /'
}

# Prints `zone NAME` for each zone that strangers come in through, `rule SOURCE PORT ours|theirs full|part`: a rule is
# full if it is in all these zones, now and after the next start; and `denial SOURCE PORTS WORDS` for each rule that
# refuses, which comes before all that let in (firewalld.richlanguage(5)) unless its priority is a positive number. What
# cannot be told of its source or ports is `any`.
firewalld_rules() {
    firewalld_lists | awk '
        function said(before,    at) {
            at = index($0, before "\"")
            return at ? substr($0, at + length(before) + 1, index(substr($0, at + length(before) + 1), "\"") - 1) : ""
        }
        function refusal(    bare, ports) {
            bare = $0
            gsub(/"[^"]*"/, "", bare)
            if (bare !~ / (reject|drop)( |$)/ || $0 ~ /^rule priority="[1-9]/) return ""
            ports = "any"
            if (bare ~ / port port=/) {
                if (said("protocol=") != "tcp") return ""
                ports = said(" port port=")
            }
            else if (bare ~ / service name=/) {
                if (said("service name=") != "postgresql") return ""
                ports = 5432
            }
            else if (bare ~ / (protocol value=|icmp-|source-port |forward-port )/ && said("protocol value=") != "tcp") return ""
            return "denial " (said("source address=") == "" ? "any" : said("source address=")) " " ports " " $0
        }
        $1 == "record" { mine[$2, $3, $4] = 1; next }
        $1 == "default" { fallback = $2; next }
        /^(now|next) [^ \t]/ {
            zone = $2
            named[zone] = 1
            if ($1 == "now" && (zone == fallback || $3 ~ /active/ || $4 ~ /active/)) guards[zone] = 1
            next
        }
        $2 == "target:" && $3 == "ACCEPT" { delete guards[zone] }
        $2 != "rule" { next }
        {
            when = $1
            sub(/^[a-z]+[ \t]+/, "")
            split($0, word, "\"")
            if ($0 ~ /^rule family="ipv[46]" source address="[^"]*" port port="[0-9]+" protocol="tcp" accept *$/) pair = word[4] " " word[6]
            else if ($0 ~ /^rule port port="[0-9]+" protocol="tcp" accept *$/) pair = "any " word[2]
            else {
                if (refusal()) denials[zone, refusal()] = zone
                next
            }
            has[when, zone, pair] = 1
            pairs[pair] = 1
        }
        END {
            for (zone in guards) print "zone " zone
            for (denial in denials) if (denials[denial] in guards) {
                split(denial, part, SUBSEP)
                if (!told[part[2]]++) print part[2]
            }
            for (pair in pairs) {
                owner = "theirs"
                extent = "full"
                split(pair, part, " ")
                for (zone in named)
                    if ((zone, part[1], part[2]) in mine && (("now", zone, pair) in has || ("next", zone, pair) in has)) owner = "ours"
                for (zone in guards)
                    if (!(("now", zone, pair) in has) || !(("next", zone, pair) in has)) extent = "part"
                print "rule " pair " " owner " " extent
            }
        }' | sort
}

# The same of ufw, which knows no zones and forgets nothing; a comment tells whose a rule is. The first rule that fits
# decides, so these stay in their order.
ufw_rules() {
    ufw show added | awk -v mark="comment 'pgrepl $cluster'" '
        $1 != "ufw" { next }
        {
            words = $0
            owner = "theirs"
            if (at = index($0, " comment ")) {
                if (substr($0, at + 1) == mark) owner = "ours"
                $0 = substr($0, 1, at - 1)
            }
        }
        $2 == "deny" || $2 == "reject" {
            source = ports = "any"
            side = "to"
            for (i = 3; i <= NF; i++) {
                if ($i == "out" || $i == "proto" && $(i + 1) != "tcp" || $i == "app" && tolower($(i + 1)) !~ /postgres/) next
                if ($i == "from") source = $(i + 1)
                if ($i == "from" || $i == "to") side = $i
                if ($i == "port" && side == "to") ports = $(i + 1)
                if (i == 3 && $i ~ /^[0-9:,]+(\/[a-z]+)?$/) {
                    if ($i ~ /\/udp$/) next
                    ports = $i
                    sub("/.*", "", ports)
                }
                if (i == 3 && $i ~ /^[A-Z]/ && tolower($i) !~ /postgres/) next
            }
            print "denial " source " " ports " " words
        }
        $2 != "allow" { next }
        NF == 10 && $3 == "from" && $5 == "to" && $6 == "any" && $7 == "port" && $8 ~ /^[0-9]+$/ && $10 == "tcp" {
            print "rule " $4 " " $8 " " owner " full"
        }
        NF == 3 && $3 ~ /^[0-9]+\/tcp$/ { sub("/.*", "", $3); print "rule any " $3 " " owner " full" }
    '
}

firewall_rules() {
    case $1 in
        firewalld) firewalld_rules ;;
        ufw) ufw_rules ;;
    esac
}
