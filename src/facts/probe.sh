# Reads everything pgrepl wants to know of a host, in few processes, and writes nothing at all.
# In: the variables of a place, and: question sizes (SQL that tells a fact) peers (NAME=NAME-OR-ADDRESS ...) mount clone_unit
#     address interface (of the primary alone: IP/PREFIX and a name, or nothing)
#     wal_directory schedule (of backups: a calendar expression, or nothing)
#     tablespace_places (where the inventory puts tablespaces and WAL on this host: paths, one a line)
#     places (shell text that sets the variables of a place for the $word of an operating system; fails for another one)

# A file of the system, made to be read by shells.
read_release() {
    # shellcheck disable=SC1091
    release=$(ID='' ID_LIKE='' VERSION_ID='' PRETTY_NAME=''
        if [ -r /etc/os-release ]; then . /etc/os-release; fi
        printf '%s\t%s\t%s\t%s\n%s %s' "$ID" "$ID_LIKE" "$VERSION_ID" "$PRETTY_NAME" "$ID" "$ID_LIKE")
    fact os "${release%%
*}"
}

# Where PostgreSQL lives is known only now, unless the inventory says it.
choose_place() {
    for word in ${release#*
}; do
        if eval "$places"; then return; fi
    done
}

read_network() {
    ip -o addr show scope global 2>/dev/null | awk "$awk_fact"'
        { column($2); fact("interface_address", $4); sub("/.*", "", $4); fact("address", $4) }' >&7
    # All at once: a resolver that does not answer is waited for once, and not for each name.
    {
        for peer in $peers; do
            # An address needs nobody to be asked.
            case ${peer#*=} in
                *[!0-9.]*) case ${peer#*=} in *:*) printf '%s\n' "${peer#*=}" ;; *) timeout 5 getent ahosts "${peer#*=}" 2>/dev/null || : ;; esac ;;
                *) printf '%s\n' "${peer#*=}" ;;
            esac | while IFS= read -r line; do printf '%s %s\n' "${peer%%=*}" "$line"; done &
        done
        wait
    } | awk "$awk_fact"'!seen[$1, $2]++ { column($1); fact("resolved", $2) }' >&7
}

# Who has the primary's address, as far as this host can see: the neighbour who answers for it now. Nobody is asked for one
# that is here, nor where the way to it leads over others.
read_address() {
    ip -o link | awk "$awk_fact"'{
        sub(/[:@].*/, "", $2)
        for (at = 1; at < NF; at++) if ($at ~ /^link\//) { column($2); fact("interface", $(at + 1)) }
    }' >&7
    shared=${address%/*}
    if address_here "$shared" || ! is_near "$shared" || [ ! -x "$clients/pg_isready" ]; then return; fi
    ask "$shared" 1 || :
    found=$(neighbour "$shared" reachable)
    if [ -n "$found" ]; then fact address_answered "$found"; fi
}

# The first part of the way to a file that is not root's alone: the service user may have written whatever is there.
strange_part() {
    namei -mo -- "$1" 2>/dev/null | awk -v groups=" $(id -Gn "$service_user" 2>/dev/null) " '
        NR == 1 { next }
        { name = $0; sub(/^ *[^ ]+ +[^ ]+ +[^ ]+ +/, "", name); sub(/ -> .*/, "", name) }
        $2 != "root" { print name " belongs to " $2; exit }
        $1 ~ /^[^l]....w/ && index(groups, " " $3 " ") { print name " can be written by the group " $3; exit }
        $1 ~ /^[^l].......w[-x]/ { print name " can be written by everybody"; exit }'
}

read_packages() {
    if [ "$installer" = nobody ]; then
        strange=$(strange_part "$bindir/postgres")
        if [ -n "$strange" ]; then fact bindir_strange "$strange"; fi
    fi
    if command -v zstd >/dev/null 2>&1; then fact zstd yes; fi
    if [ -x "$bindir/postgres" ]; then
        fact bindir "$bindir"
        tools=
        for tool in "$bindir"/*; do tools="$tools ${tool##*/}"; done
        fact tools "$tools"
    elif [ "$installer" = apt ]; then
        fact candidate "$(apt-cache policy "postgresql-$major" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }')"
        if grep -qs '^create_main_cluster *= *false' /etc/postgresql-common/createcluster.conf /etc/postgresql-common/createcluster.d/*.conf; then
            fact creates_cluster no
        fi
    fi
    # The other versions stand beside this one, with their number where this one has its own.
    before=${bindir%"$major"/*}
    for other in "$before"*/bin/postgres; do
        if [ -x "$other" ] && [ "$other" != "$bindir/postgres" ]; then
            other=${other%/bin/postgres}
            fact other_major "${other#"$before"}"
        fi
    done
}

# Where the WAL of an instance was that is not there now.
read_known_wal() {
    known=$(places_known)
    if [ -f "$known" ]; then path=$(sed -n 's/^wal	//p' "$known" | head -n 1); else path=; fi
    if [ -z "$path" ] || [ -n "$wal_link" ]; then return; fi
    wal_link=$(readlink -m "$path")
    fact wal_link "$path"
}

read_data() {
    real=$(readlink -m "$data_directory")
    wal_link='' spaces='' newest=''
    fact data "$real"
    read_layout
    body=$real
    rewinding=$(beside "$data_directory" rewinding)
    # In the middle of a rewind it is there; an exchange that was cut is ended by whoever works here next.
    if [ ! -f "$real/PG_VERSION" ] && [ -d "$rewinding/data" ]; then body=$rewinding/data; fi
    if [ -f "$body/PG_VERSION" ]; then
        # An initdb that was cut short: template0 is made last but one, and nobody can drop it.
        databases=
        for database in "$body"/base/[0-9]*; do databases="$databases ${database##*/}"; done
        case $databases in '' | ' 1' | ' [0-9]*') fact half_made yes ;; esac
        for signal in standby.signal recovery.signal recovery.conf backup_label; do
            if [ -e "$body/$signal" ]; then fact signal "$signal"; fi
        done
        if [ -L "$body/$wal_directory" ]; then
            wal_link=$(readlink -m "$body/$wal_directory")
            path=$(readlink "$body/$wal_directory")
            case $path in /*) ;; *) path=$wal_link ;; esac
            path=$(place_of "${path%/}")
            if [ "$path" != "$data_directory/$wal_directory" ]; then fact wal_link "$path"; fi
        fi
        for space in "$body"/pg_tblspc/*; do
            if [ -L "$space" ]; then
                path=$(readlink "$space")
                case $path in /*) ;; *) path=$(readlink -m "$space") ;; esac
                fact tablespace "${space##*/}" "${path%/}"
                path=$(readlink -m "$space")
                # Lists of paths have one a line.
                case $path in *'
'*) ;; *) spaces="$spaces$path
" ;; esac
            fi
        done
        for slot in "$body"/pg_replslot/*; do
            if [ -d "$slot" ]; then fact slot "${slot##*/}"; fi
        done
        for newest in "$body/$wal_directory"/*.history; do :; done
        if [ -f "$newest" ]; then fact history "${newest##*/}"; fi
        waiting=0
        for ready in "$body/$wal_directory"/archive_status/*.ready; do
            if [ -e "$ready" ]; then waiting=$((waiting + 1)); fi
        done
        if [ "$waiting" -gt 0 ]; then
            oldest=$(find "$body/$wal_directory/archive_status" -name '*.ready' -printf '%Ts\n' 2>/dev/null | sort -n | head -n 1)
            if [ -n "$oldest" ]; then fact archive_waits "$(($(date +%s) - oldest))"; fi
        fi
        fact archive_waiting "$waiting"
    elif [ -d "$real" ] && [ ! -f "$real/.pgrepl/pgsql_tmp/moving" ]; then
        shown=0
        for entry in "$real"/* "$real"/.[!.]*; do
            case ${entry##*/} in .pgrepl | lost+found) continue ;; esac
            if [ -e "$entry" ] && ! is_mount "$entry" && [ "$shown" -lt 5 ]; then
                fact foreign "${entry##*/}"
                shown=$((shown + 1))
            fi
        done
    fi
    if [ "$body" = "$real" ] && [ ! -f "$body/PG_VERSION" ]; then read_known_wal; fi
    if mine=$(postmaster_pid); then
        fact postmaster "$mine"
        # What the kernel still has for it of files that a package has replaced.
        awk "$awk_fact"'
            $NF == "(deleted)" && $6 ~ "^/(usr|lib|opt)" && !seen[$6]++ && ++many <= 50 { fact("replaced", $6) }' \
            "/proc/$mine/maps" 2>/dev/null >&7 || :
    fi
    if [ -f "/var/lib/pgrepl/$cluster/held" ]; then fact packages_held yes; fi
    for aside in "$data_directory".pgrepl-[0-9]* "$data_directory".pgrepl-failed-[0-9]* \
        "$data_directory"/.pgrepl/pgsql_tmp/[0-9]* "$data_directory"/.pgrepl/pgsql_tmp/failed-[0-9]*; do
        if [ -d "$aside" ]; then fact set_aside "$aside"; fi
    done
    if [ -d "$rewinding" ]; then fact rewinding yes; fi
    missing_mounts | sort -u | fact_lines unmounted
    if [ -d "$staging" ]; then
        fact staging "$staging"
        if [ -f "$staging/complete" ]; then fact staging_complete yes; fi
    fi
}

# Who works here: a run that lives holds the lock, of one that is gone a step may go on. Who only looks shares it.
read_work() {
    at_work=/run/pgrepl/$cluster.work
    lock=/run/pgrepl/$cluster.lock
    if [ -f "$lock" ] && ! flock -sn 6 6<"$lock"; then
        fact run "$(tail -n 1 "$lock")"
    elif [ -f "$at_work" ] && ! flock -n 6 6<"$at_work"; then
        fact at_work "$(head -n 1 "$at_work")"
    fi
}

# Whether a unit of the server's own was made known: enabled for this data directory, fenced, or left to somebody else.
unit_start() {
    if [ -z "$unit" ]; then
        if [ -d "${data_directory%/*}" ]; then echo auto; fi
        return
    fi
    state=$(systemctl show -p UnitFileState "$unit" 2>/dev/null)
    state=${state#*=}
    if [ -e "/etc/systemd/system/$unit.d/pgrepl-fenced.conf" ] || [ "$state" = masked ]; then
        echo disabled
    elif [ "$state" != disabled ] && [ -n "$state" ] && { [ "$keeper" != packaged_unit ] || [ "$(unit_data)" = "$data_directory" ]; }; then
        echo auto
    elif [ -f "$data_directory/PG_VERSION" ]; then
        echo manual
    fi
}

# The rules of the firewall, and who listens where the server is to.
read_port() {
    firewall=$(firewall_kind)
    rules=$(firewall_rules "$firewall")
    # Where firewalld guards no zone, nothing stands in the way.
    case $firewall:$rules in
        ufw:* | firewalld:*"zone "*)
            fact firewall "$firewall"
            printf '%s\n' "$rules" | awk "$awk_fact"'sub(/^rule /, "") || /^denial / { fact("firewall_rule", $0) }' >&7
            ;;
    esac
    if [ -n "$mine" ]; then
        serves=
        # The fourth line.
        { read -r _ && read -r _ && read -r _ && read -r serves; } <"$data_directory/postmaster.pid" || :
        serves=${serves%%[!0-9]*}
        if [ "$serves" != "$port" ]; then fact other_port "$serves"; fi
    fi
    # All who have it: a server's child has it too, for a moment.
    taken=$(ss -ltnp "sport = :$port" 2>/dev/null | grep -o '("[^"]*",pid=[0-9]*' | sed 's/("\(.*\)",pid=/\1 /' | sort -u)
    # It may have been started since its file was looked for.
    if [ -n "$taken" ] && [ -z "$mine" ] && mine=$(postmaster_pid); then fact postmaster "$mine"; fi
    case "
$taken
" in
        *" $mine
"*) ;;
        *)
            pid=${taken%%
*} pid=${pid##* }
            # Debian's other clusters that start at boot, whether they run or not.
            for other in /etc/postgresql/*/*/postgresql.conf; do
                if [ "${other%/*}" != "$config_directory" ] && grep -qs '^auto' "${other%/*}/start.conf" &&
                    [ "$(sed -n 's/^[ \t]*port[^a-z_0-9]*\([0-9][0-9]*\).*/\1/p' "$other" | tail -n 1)" = "$port" ]; then
                    fact port_set "$other"
                    break
                fi
            done
            if [ -n "$pid" ]; then fact port_taken "${taken%% *}, process $pid in $(readlink "/proc/$pid/cwd" || :)"; fi
            ;;
    esac
}

# A copy that runs beside the cluster: its port, the first line of its configuration, its directory.
read_copy() {
    worker=$(systemctl show -p MainPID "$1" 2>/dev/null)
    copied=$(readlink "/proc/${worker#*=}/cwd") || return 0
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    told=$(as_service_user sh -c 'sed -n 4p "$1/postmaster.pid" && head -c 1000 "$1/postgresql.conf" | sed -n 1p' sh "$copied" 2>/dev/null) || return 0
    fact copy "${told%%
*}" "${told#*
}" "$copied" running
}

# The other copies that are known: their servers do not run, or they are not whole, or gone.
read_known_copies() {
    while IFS= read -r copied; do
        # shellcheck disable=SC2016 # expanded by the shell it is given to
        told=$(as_service_user sh -c 'head -c 2000 "$1/postgresql.conf" | sed -n "1p; s/^port = //p"' sh "$copied" 2>/dev/null) || told=
        if [ -n "$told" ]; then
            how=stopped
        elif [ ! -d "$copied.pgrepl-new" ]; then
            how=gone
        elif [ -f "/run/pgrepl/$cluster.copy" ] && ! flock -n "/run/pgrepl/$cluster.copy" true; then
            how=busy
        else
            how='cut'
        fi
        fact copy "${told#*
}" "${told%%
*}" "$copied" "$how"
    done <"/var/lib/pgrepl/$cluster/copies"
}

# systemctl of systemd 219 knows no --value: property NAME UNIT
property() {
    told=$(systemctl show -p "$1" "$2")
    printf '%s' "${told#*=}"
}

read_service() {
    umbrella=
    if [ "$keeper" = start_conf ]; then umbrella=postgresql.service; fi
    if [ -d /run/systemd/system ]; then
        fact systemd yes
        systemctl show -p Id -p ActiveState -p UnitFileState ${unit:+"$unit"} ${umbrella:+"$umbrella"} "$clone_unit" 2>/dev/null |
            awk -F = "$awk_fact"'$1 == "Id" { id = $2 } NF > 1 && $1 != "Id" { column(id); column($1); fact("unit", $2) }' >&7 || :
    fi
    for copy in "/run/systemd/transient/pgrepl-$cluster-copy-"*.service; do
        if [ -f "$copy" ]; then read_copy "${copy##*/}"; fi
    done
    if [ -f "/var/lib/pgrepl/$cluster/copies" ]; then read_known_copies; fi
    # What is in a timer already was understood.
    if [ -n "$schedule" ] && [ -d /run/systemd/system ] &&
        ! grep -qsxF -e "OnCalendar=$schedule" "/etc/systemd/system/pgrepl-$cluster-backup.timer"; then
        told=$(systemd-analyze calendar "$schedule" 2>&1 >/dev/null) || case $told in
            # That of RHEL 7 cannot be asked.
            *'nknown operation'*) ;;
            *) fact schedule_refused "$(printf '%s\n' "$told" | sed -n 1p)" ;;
        esac
    fi
    if [ -f "/etc/systemd/system/pgrepl-$cluster-backup.timer" ]; then
        service=pgrepl-$cluster-backup.service
        fact timer "$(property ActiveState "${service%.service}.timer")" "$(property ExecMainExitTimestamp "$service")" \
            "$(property Result "$service")"
    fi
    if [ -f "/etc/systemd/system/pgrepl-$cluster-health.socket" ]; then
        fact health "$(property ActiveState "pgrepl-$cluster-health.socket")"
    fi
    if [ -f "/etc/systemd/system/pgrepl-$cluster-address.service" ]; then
        fact address_unit "$(property UnitFileState "pgrepl-$cluster-address.service")"
    fi
    if [ "$keeper" != start_conf ]; then
        start=$(unit_start)
        if [ -n "$start" ]; then fact start "$start"; fi
    fi
}

ask_server() {
    words=$(sql "$question;
\\set ON_ERROR_STOP off
set statement_timeout = 3000;
set lock_timeout = 1000;
$sizes;" 2>&1 >&7)
}

# What the server says of itself, in one connection: what decisions need first, and then what may take long. Where it says
# nothing, why that is, in psql's words.
read_server() {
    sql_options='-c statement_timeout=10000 -c lock_timeout=5000'
    if ask_server; then return; fi
    # A server that starts or stops turns everybody away, whatever the language of its words.
    starts=0
    as_service_user "$clients/pg_isready" -q -t 5 -h "$socket_directory" -p "$port" || starts=$?
    # It may have begun to serve between the two.
    if [ "$starts" = 0 ] && ask_server; then return; fi
    words=$(printf '%s\n' "$words" | sed '/^psql: hint: /d; s/^psql: //; s/^error: //; s/^[[:blank:]]*//' | tr '\n' ' ')
    case $starts:$(as_service_user sed -n 8p "$data_directory/postmaster.pid") in
        1:* | 2:starting* | 2:stopping* | 2:) fact sql_waits "$words" ;;
        *)
            # The words may be of any language; what can be seen is not.
            fact sql_refused "$words"
            fact socket_directory "$(as_service_user sed -n 5p "$data_directory/postmaster.pid")"
            fact processes "$(ps -o pid= --ppid "$mine" | wc -l)"
            if [ "$(sql_database=template1 && sql "select count(*) from pg_database where datname = 'postgres'" 2>/dev/null)" = 0 ]; then
                fact no_database yes
            fi
            ;;
    esac
}

main() {
    read_release
    choose_place
    find_clients
    points_known=$(points_now)
    staging=$(beside "$data_directory" new)
    fact uname "$(uname -nm)"
    fact libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
    has_user || :
    read_work
    read_network
    read_packages
    read_data
    read_files
    read_service
    if [ -n "$address" ]; then read_address; fi
    read_port
    read_file_systems
    if [ -n "$mount" ]; then read_mount; fi
    read_tool
    # Where the port is another one, another server would answer.
    if [ "${serves:-}" = "$port" ] && [ -x "$clients/psql" ]; then read_server; fi
}
