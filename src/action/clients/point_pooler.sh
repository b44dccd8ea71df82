# Points the databases of a PgBouncer to another server, and lets their clients go on. While the primary changes they wait from
# before it stops until another one leads; whatever becomes of the run that let them wait, they go on.
# In: what pooler.sh needs; pooler databases (one a line; an empty one is all) leads (HOST:PORT DATABASE with tabs) resume_unit
#     edits (FILE LINE AT OLD NEW with tabs, the last one first) files (DIGEST FILE) pause (seconds, or nothing)
#     gone (ADDRESS|PORT of servers that cannot be reached, one a line)
#     terminates (yes: go on with transactions that take longer) limit (seconds after which the host itself resumes)

# Of a pause that nobody has ended a later run knows by this.
mark=/run/pgrepl/$cluster.$pooler.paused

heard_file() { :; }
unread_file() { fail "cannot read $1"; }

# What a statement is about: of_database NAME
of_database() { if [ -n "$1" ]; then printf ' "%s"' "$1"; fi; }

# Says a statement for each database, to a console of its own each, at the same time: what none of them denies is true.
pause_all() {
    set -- yes
    pids=''
    while IFS= read -r database; do
        console_within "$pause" -c "PAUSE$(of_database "$database")" >&2 &
        pids="$pids $!"
    done <<-LIST
	$databases
	LIST
    for pid in $pids; do wait "$pid" || set -- no; done
    [ "$1" = yes ]
}

resume_all() {
    set --
    while IFS= read -r database; do set -- "$@" -c "RESUME$(of_database "$database")"; done <<-LIST
	$databases
	LIST
    # One that is not paused is told as an error; that the console does not answer is one.
    code=0
    console "$@" >&2 || code=$?
    case $code in 0 | 1) ;; *) return 1 ;; esac
    systemctl stop "$resume_unit.timer" 2>/dev/null || :
    rm -f "$mark"
}

# Has this host say something to the console by itself: later UNIT SECONDS PSQL-ARGUMENTS...
later() {
    later_unit=$1 after=$2
    shift 2
    systemctl stop "$later_unit.timer" 2>/dev/null || :
    systemctl reset-failed "$later_unit.service" 2>/dev/null || :
    systemd-run --quiet --unit="$later_unit" --on-active="$after" --timer-property=AccuracySec=100ms \
        --uid="$service_user" --setenv=HOME="$home" -p NoNewPrivileges=yes \
        "$console_psql" -XAqtw -h "$console_host" -p "$console_port" -U "$admin_user" -d pgbouncer "$@" >&2
}

# Should it hear no more of the run.
resume_later() {
    set --
    while IFS= read -r database; do set -- "$@" -c "RESUME$(of_database "$database")"; done <<-LIST
	$databases
	LIST
    later "$resume_unit" "$limit" "$@" || note "no timer resumes $pooler if this run is cut off"
}

# The transactions that are still open, of the databases that were to pause.
still_open() {
    console -P tuples_only=off -P footer=off -F '|' -c 'SHOW SERVERS' | awk -F '|' '
        $1 == "type" { for (at = 1; at <= NF; at++) if ($at == "state") state = at }
        state && $state == "active" { open++ }
        END { print open + 0 }'
}

# Writes other texts into a copy beside a file, which stays whose it is: where its user may exchange it he does, and root
# follows nothing that he put there: rewrite FILE
rewrite() {
    texts=$edits
    export texts
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    by_its_writer "$1" sh -c 'umask 077
        file=$(readlink -f "$1") && edited=$1 awk "$2" "$file" >"$file.pgrepl-new" &&
            chmod --reference="$file" "$file.pgrepl-new" &&
            { chown --reference="$file" "$file.pgrepl-new" 2>/dev/null || chgrp --reference="$file" "$file.pgrepl-new" || :; } &&
            sync "$file.pgrepl-new"' sh "$1" '
        BEGIN {
            many = split(ENVIRON["texts"], all, "\n")
            for (one = 1; one <= many; one++) { split(all[one], part, "\t"); if (part[1] == ENVIRON["edited"]) edit[++count] = all[one] }
        }
        {
            for (one = 1; one <= count; one++) {
                split(edit[one], part, "\t")
                if (part[2] != NR) continue
                if (substr($0, part[3] + 1, length(part[4])) != part[4]) exit 1
                $0 = substr($0, 1, part[3]) part[5] substr($0, part[3] + length(part[4]) + 1)
            }
            print
        }' || fail "cannot write $1: expected what the plan found there"
}

# Puts the copy in the place of the file, or removes it: place FILE ; unplace FILE
place() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    by_its_writer "$1" sh -c 'file=$(readlink -f "$1") && mv -fT "$file.pgrepl-new" "$file"' sh "$1" || fail "cannot write $1"
    label "$1"
}
unplace() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    by_its_writer "$1" sh -c 'rm -f "$(readlink -f "$1").pgrepl-new"' sh "$1" || :
}
by_its_writer() {
    if is_his "${1%/*}" || is_his "$(dirname "$(readlink -f "$1")")"; then
        shift
        as_service_user "$@"
    else
        shift
        "$@"
    fi
}

# Does this for each file: each_file COMMAND
each_file() {
    while IFS='	' read -r digest file; do
        if [ -n "$file" ]; then "$1" "$file" "$digest" </dev/null; fi
    done <<-LIST
	$files
	LIST
}
prepare() {
    case $(as_service_user sha256sum "$1") in
        "$2 "*) rewrite "$1" ;;
        *) refused "$1 as the plan found it" "another one" ;;
    esac
}

# Has it read its files, and sees that it did: what it has for each database.
load() {
    loaded=$(console -P tuples_only=off -P footer=off -F '|' -c RELOAD -c 'SHOW DATABASES') || fail "the admin console of $pooler does not reload"
    while IFS='	' read -r there database; do
        [ -n "$database" ] || continue
        found=$(printf '%s\n' "$loaded" | name=$database awk -F '|' '
            $1 == "name" { for (at = 1; at <= NF; at++) { if ($at == "host") host = at; if ($at == "port") port = at } }
            host && $1 == ENVIRON["name"] { found = $host ":" $port }
            END { print found }')
        [ "$found" = "$there" ] || fail "$pooler leads $database to ${found:-nowhere}: expected $there"
    done <<-LIST
	$leads
	LIST
}

# Its connections to servers that cannot be reached: ADDRESS|PORT|LOCAL PORT|DATABASE.
hanging() {
    console -P tuples_only=off -P footer=off -F '|' -c 'SHOW SERVERS' | there=$gone of=$databases awk -F '|' '
        BEGIN {
            split(ENVIRON["there"], address, "\n")
            for (one in address) gone[address[one]] = 1
            some = split(ENVIRON["of"], database, "\n")
            for (one in database) ours[database[one]] = 1
        }
        $1 == "type" { for (at = 1; at <= NF; at++) column[$at] = at; next }
        ($column["addr"] "|" $column["port"]) in gone && (!some || $column["database"] in ours) {
            print $column["addr"] "|" $column["port"] "|" $column["local_port"] "|" $column["database"]
        }'
}

# Ends those, and with them the clients that wait there for an answer; all others stay. Where the kernel ends no connections,
# PgBouncer ends all of that database.
cut_off() {
    [ -n "$gone" ] || return 0
    hanging | while IFS='|' read -r address port local_port _; do
        case $address in *:*) address="[$address]" ;; esac
        ss -K dst "$address" dport = ":$port" sport = ":$local_port" >&2 || :
    done
    hanging | cut -d '|' -f 4- | sort -u | while IFS= read -r database; do
        console -c "KILL$(of_database "$database")" -c "RESUME$(of_database "$database")" >&2 </dev/null || :
    done
}

# Who could not log in to the server before would try again after server_login_retry only. For half a minute it does so at once:
# the new one may not listen yet.
log_in_anew() {
    usual=$(pooler_setting server_login_retry 15)
    case $usual in '' | *[!0-9.]*) usual=15 ;; esac
    console -c "SET server_login_retry = '0.1'" >&2 || return 0
    later "${resume_unit%-resume}-login" 30 -c "SET server_login_retry = '$usual'" || {
        sleep 0.5
        console -c "SET server_login_retry = '$usual'" >&2 || :
    }
}

follow() {
    each_file place
    if [ -z "$pooler_pid" ]; then
        rm -f "$mark"
        return
    fi
    load
    cut_off
    resume_all || fail "the admin console of $pooler does not resume: its clients wait"
    if [ -z "$pause" ]; then log_in_anew; fi
}

# The next word of the run, which says each second that it is there: a connection that is cut may not end for a long time.
# shellcheck disable=SC2016 # expanded by the shell it is given to
heard() { timeout 4 sh -c 'IFS= read -r line && printf "%s\n" "$line"' <&6; }

# Two of them may be on one host, and one on that of a server where a step is at work: each has a lock of its own.
hold_pooler() {
    mkdir -p "${mark%/*}"
    exec 8>>"${mark%.paused}.work"
    flock -w 10 8 || fail "another run is at work on $pooler"
}

main() {
    hold_pooler
    find_pooler
    read_pooler "$config_file"
    find_console
    each_file prepare
    if [ -z "$pause" ]; then
        follow
        ok
        return
    fi
    [ -n "$pooler_pid" ] || fail "$pooler does not run"
    : >"$mark"
    resume_later
    if ! pause_all && [ "$terminates" = no ]; then
        open=$(still_open)
        each_file unplace
        resume_all || note "$pooler may still be paused"
        refused "every transaction through $pooler to end within $pause s" "$open of them still open"
    fi
    fact paused yes
    fact armed yes
    while line=$(heard); do
        case ${line%% *} in
            alive) ;;
            ping) fact pong yes ;;
            go)
                follow
                ok
                return
                ;;
            *) break ;;
        esac
    done
    resume_all || fail "the admin console of $pooler does not resume: its clients wait"
    # The old primary may have stopped, and is started again.
    log_in_anew
    each_file unplace
    refused "another primary" "none: clients go on as before"
}

exec 6<&0
