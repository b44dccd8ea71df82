# Reads everything pgrepl wants to know of a host, in few processes, and writes nothing at all.
# In: the variables of a place, and: question sizes (SQL) peers (NAME=NAME-OR-ADDRESS ...) mount clone_unit
#     pass_digest (SHA-256 of the wanted .pgpass field, or empty) wal_directory
#     tablespace_places (where the inventory puts tablespaces on this host: paths, one a line)
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
    ip -o addr show scope global 2>/dev/null | awk '{ sub("/.*", "", $4); print "@fact address " $4 }' >&7
    # All at once: a resolver that does not answer is waited for once, and not for each name.
    {
        for peer in $peers; do
            # An address needs nobody to be asked.
            case ${peer#*=} in
                *[!0-9.]*) case ${peer#*=} in *:*) printf '%s\n' "${peer#*=}" ;; *) timeout 5 getent ahosts "${peer#*=}" 2>/dev/null || : ;; esac ;;
                *) printf '%s\n' "${peer#*=}" ;;
            esac | sed "s|^|${peer%%=*} |" &
        done
        wait
    } | awk '!seen[$1, $2]++ { print "@fact resolved " $1 "\t" $2 }' >&7
}

read_packages() {
    if command -v zstd >/dev/null 2>&1; then fact zstd yes; fi
    if [ -x "$bindir/postgres" ]; then
        # Of the same package, and started in a fraction of the time; some packages do not have it.
        teller=$bindir/pg_controldata
        if [ ! -x "$teller" ]; then teller=$bindir/postgres; fi
        fact server "$("$teller" --version)"
        fact bindir "$bindir"
        tools=
        for tool in "$bindir"/*; do tools="$tools ${tool##*/}"; done
        fact tools "$tools"
    elif [ "$family" = debian ]; then
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

read_data() {
    real=$(readlink -f "$data_directory" 2>/dev/null || printf '%s' "$data_directory")
    wal_link='' spaces='' archives=''
    fact data "$real"
    read_layout
    if [ -f "$real/PG_VERSION" ]; then
        read -r version <"$real/PG_VERSION"
        fact instance "$version"
        if [ "$version" = "$major" ] && [ -x "$bindir/pg_controldata" ]; then
            "$bindir/pg_controldata" "$real" 2>&1 | awk '{ print "@fact control " $0 }' >&7
        fi
        # An initdb that was cut short: template0 is made last but one, and nobody can drop it.
        databases=
        for database in "$real"/base/[0-9]*; do databases="$databases ${database##*/}"; done
        case $databases in '' | ' 1' | ' [0-9]*') fact half_made yes ;; esac
        for signal in standby.signal recovery.signal recovery.conf backup_label; do
            if [ -e "$real/$signal" ]; then fact signal "$signal"; fi
        done
        # Written by what the server calls for each WAL file (files/patience.sh).
        if [ -f "$real/pgrepl.archives" ]; then archives=$(cat "$real/pgrepl.archives"); fi
        if [ -L "$real/$wal_directory" ]; then
            wal_link=$(readlink -f "$real/$wal_directory")
            fact wal_link "$wal_link"
        fi
        for space in "$real"/pg_tblspc/*; do
            if [ -L "$space" ]; then
                path=$(readlink -f "$space")
                fact tablespace "${space##*/}	$path"
                spaces="$spaces$path
"
            fi
        done
        for slot in "$real"/pg_replslot/*; do
            if [ -d "$slot" ]; then fact slot "${slot##*/}"; fi
        done
        newest=
        for newest in "$real/$wal_directory"/*.history; do :; done
        if [ -f "$newest" ]; then
            fact history "${newest##*/}"
            awk '{ print "@fact history_line " $0 }' "$newest" >&7
        fi
        waiting=0
        for ready in "$real/$wal_directory"/archive_status/*.ready; do
            if [ -e "$ready" ]; then waiting=$((waiting + 1)); fi
        done
        if [ "$waiting" -gt 0 ]; then
            oldest=$(find "$real/$wal_directory/archive_status" -name '*.ready' -printf '%Ts\n' 2>/dev/null | sort -n | head -n 1)
            if [ -n "$oldest" ]; then fact archive_waits "$(($(date +%s) - oldest))"; fi
        fi
        fact archive_waiting "$waiting"
    elif [ -d "$real" ]; then
        shown=0
        for entry in "$real"/* "$real"/.[!.]*; do
            if [ -e "$entry" ] && [ "${entry##*/}" != lost+found ] && [ "$shown" -lt 5 ]; then
                fact foreign "${entry##*/}"
                shown=$((shown + 1))
            fi
        done
    fi
    if mine=$(postmaster_pid); then fact postmaster "$mine"; fi
    for aside in "$data_directory".pgrepl-[0-9]* "$data_directory".pgrepl-failed-[0-9]*; do
        if [ -d "$aside" ]; then fact set_aside "$aside"; fi
    done
    if [ -d "$data_directory.pgrepl-rewinding" ]; then fact rewinding yes; fi
    if [ -d "$staging" ]; then
        fact staging "$staging"
        if [ -f "$staging/source" ]; then fact staging_source "$(head -n 1 "$staging/source")"; fi
        if [ -f "$staging/system_id" ]; then fact staging_system_id "$(head -n 1 "$staging/system_id")"; fi
        if [ -f "$staging/complete" ]; then
            fact staging_complete yes
        else
            # What is released when a copy that was cut short begins again.
            {
                timeout 5 du -sB1 "$staging" || :
                if [ -f "$staging/tablespaces" ]; then cut -f 2 "$staging/tablespaces" | timeout 5 xargs -r -d '\n' du -sB1 || :; fi
            } 2>/dev/null | awk -F '\t' '{ print "@fact staging_holds " $2 "\t" $1 }' >&7
        fi
        if [ -f "$staging/log" ]; then tail -c 600 "$staging/log" | tr '\r' '\n' | tail -n 5 | awk '{ print "@fact staging_log " $0 }' >&7; fi
    fi
}

# What a run that is gone still does here; of one that lives its lock tells.
read_work() {
    at_work=/run/pgrepl/$cluster.work
    if [ -f "$at_work" ] && ! flock -n 6 6<"$at_work" &&
        { [ ! -f "/run/pgrepl/$cluster.lock" ] || flock -n 6 6<"/run/pgrepl/$cluster.lock"; }; then
        fact at_work "$(head -n 1 "$at_work")"
    fi
}

read_pgpass() {
    if [ -f "$home/.pgpass" ]; then
        stat -c '@fact pgpass_file %U	%a' "$home/.pgpass" >&7
        # The password is the fifth field; it is turned into a digest here and leaves the host in no other form.
        awk -v from="# >>> pgrepl $cluster" -v to="# <<< pgrepl $cluster" '
            $0 == from { inside = 1; next }
            $0 == to { inside = 0 }
            inside {
                colons = 0
                for (i = 1; i <= length($0) && colons < 4; i++) {
                    c = substr($0, i, 1)
                    if (c == "\\") i++
                    else if (c == ":") colons++
                }
                print substr($0, 1, i - 2)
                print substr($0, i) | "sort -u | sha256sum"
            }' "$home/.pgpass" | while IFS= read -r entry; do
            case $entry in
                *:*) fact pgpass "$entry" ;;
                *) if [ "${entry%% *}" = "$pass_digest" ]; then fact pgpass_password same; else fact pgpass_password differs; fi ;;
            esac
        done
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
    elif [ "$state" != disabled ] && [ -n "$state" ] && { [ "$family" != rhel ] || [ "$(unit_data)" = "$data_directory" ]; }; then
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
            printf '%s\n' "$rules" | sed -n 's/^rule /@fact firewall_rule /p; s/^denial /@fact firewall_rule &/p' >&7
            ;;
    esac
    if [ -n "$mine" ]; then
        serves=
        # The fourth line.
        { read -r _ && read -r _ && read -r _ && read -r serves; } <"$data_directory/postmaster.pid" || :
        if [ "$serves" != "$port" ]; then fact other_port "$serves"; fi
    fi
    taken=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\),.*/\1 \2/p' | sort -u)
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

read_service() {
    umbrella=
    if [ "$family" = debian ]; then umbrella=postgresql.service; fi
    if [ -d /run/systemd/system ]; then
        fact systemd yes
        systemctl show -p Id -p ActiveState -p UnitFileState ${unit:+"$unit"} ${umbrella:+"$umbrella"} "$clone_unit" 2>/dev/null |
            awk -F = '$1 == "Id" { id = $2 } NF > 1 && $1 != "Id" { print "@fact unit " id "\t" $1 "\t" $2 }
                      $1 == "ActiveState" || $1 == "UnitFileState" { seen[$1] = $2 }' >&7 || :
    fi
    if [ -f "/etc/systemd/system/pgrepl-$cluster-backup.timer" ]; then
        service=pgrepl-$cluster-backup.service
        fact timer "$(systemctl show -p ActiveState --value "${service%.service}.timer")	$(systemctl show -p ExecMainExitTimestamp --value "$service")	$(systemctl show -p Result --value "$service")"
    fi
    if [ "$family" != debian ]; then
        start=$(unit_start)
        if [ -n "$start" ]; then fact start "$start"; fi
    elif [ -f "$config_directory/start.conf" ]; then
        fact start "$(awk '/^[^#]/ { print $1; exit }' "$config_directory/start.conf")"
    fi
}

# What the server says of itself, in one connection: what decisions need first, and then what may take long. Where it says
# nothing, why that is, in psql's words.
read_server() {
    sql_options='-c statement_timeout=10000 -c lock_timeout=5000'
    if words=$(sql "select '@fact sql '::text || ($question);
\\set ON_ERROR_STOP off
set statement_timeout = 3000;
set lock_timeout = 1000;
select '@fact sizes '::text || ($sizes);" 2>&1 >&7); then return; fi
    words=$(printf '%s\n' "$words" | sed '/^psql: hint: /d; s/^psql: //; s/^error: //; s/^[[:blank:]]*//' | tr '\n' ' ')
    # A server that starts or stops turns everybody away, whatever the language of its words.
    starts=0
    "$clients/pg_isready" -q -t 5 -h "$socket_directory" -p "$port" || starts=$?
    case $starts:$(sed -n 8p "$data_directory/postmaster.pid") in
        1:* | 2:starting* | 2:stopping* | 2:) fact sql_waits "$words" ;;
        *)
            # The words may be of any language; what can be seen is not.
            fact sql_refused "$words"
            fact socket_directory "$(sed -n 5p "$data_directory/postmaster.pid")"
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
    # As in action/place.rs.
    staging=$data_directory.pgrepl-new
    fact uname "$(uname -nm)"
    read_work
    read_network
    read_packages
    read_data
    read_files
    read_pgpass
    read_service
    read_port
    read_file_systems
    if [ -n "$mount" ]; then read_mount; fi
    read_tool
    # Where the port is another one, another server would answer.
    if [ "${serves:-}" = "$port" ] && [ -x "$clients/psql" ]; then read_server; fi
}
