# The service manager is asked and then not waited for: Debian's unit may wait for ever for a server that died
# while it started, and two seconds too long for one that lives. Only the server's own answer counts.

# Reads the unit: works, rests, or waits for a server that nobody starts any more (a forking unit without its PID file).
manager_state() {
    if [ -z "$unit" ]; then
        echo rests
        return
    fi
    systemctl show -p ControlPID -p MainPID -p Job -p SubState "$unit" 2>/dev/null | awk -F = '
        { said[$1] = $2 }
        END {
            if (said["ControlPID"] + 0) print "works"
            else if (said["SubState"] == "start" && !(said["MainPID"] + 0)) print "stuck"
            else if (said["Job"] + 0 || said["SubState"] == "start") print "works"
            else print "rests"
        }'
}
manager_works() { [ "$(manager_state)" = works ]; }
manager_rests() { ! manager_works; }

# How long a receiver of WAL may say nothing while its server stops, in seconds. One that lives answers at once.
silence=20

# The WAL senders whose receivers say nothing any more.
silent_walsenders() {
    ss -tnpi "sport = :$port" | awk -v silence="$silence" '
        match($0, /pid=[0-9]+/) { pid = substr($0, RSTART + 4, RLENGTH - 4) }
        match($0, /lastrcv:[0-9]+/) { if (substr($0, RSTART + 8, RLENGTH - 8) >= silence * 1000) print pid }' |
        while read -r pid; do walsenders_of "$pid"; done
}

# How long readers of logical slots may take for what they have not confirmed while their server stops, in seconds.
reading=5

# The processes that send them WAL, as far as they are connected now.
find_readers() {
    readers=$(sql "select active_pid from pg_replication_slots where slot_type = 'logical' and active" 2>/dev/null) || readers=
}

# Those of some processes that still send WAL.
walsenders_of() {
    for pid in "$@"; do
        if grep -q 'wal *sender' "/proc/$pid/cmdline" 2>/dev/null; then printf '%s\n' "$pid"; fi
    done
}

# A standby that was cut off would hold its primary's stop for as long as wal_sender_timeout says, for ever if that is 0.
# What it lacks it asks for when it is back; a switchover compares positions before it goes on. So would a reader of a logical
# slot that answers and confirms nothing: its slot goes on from what it has confirmed.
watch_receivers() {
    stopping=$(postmaster_pid) || return 0
    [ -n "${readers+known}" ] || find_readers
    (
        exec </dev/null >/dev/null 2>&1 7>&- 4>&-
        turns=0
        while [ -d "/proc/$stopping" ] && [ -d "/proc/$$" ]; do
            sleep 1
            turns=$((turns + 1))
            ended=
            # Numbers of processes are separated by ends of lines.
            # shellcheck disable=SC2086
            [ "$turns" -lt "$reading" ] || ended=$(walsenders_of $readers)
            [ "$turns" -lt "$silence" ] || ended="$ended $(silent_walsenders)"
            for walsender in $ended; do as_service_user kill -TERM "$walsender" || :; done
        done
    ) &
    watcher=$!
}
# A shell keeps what it had before a redirection, so the connection would last for as long as its child looks once more.
end_watch() { [ -z "${watcher-}" ] || kill "$watcher" 2>/dev/null || :; }

# Asks for a start, a stop or a restart: of the unit, or by the commands that the inventory gives in its place.
ask_manager() {
    [ "$1" = start ] || watch_receivers
    if [ -n "$unit" ]; then
        systemctl --no-block "$1" "$unit"
        return
    fi
    case $1 in
        start) by_command "$start_command" ;;
        stop) by_command "$stop_command" ;;
        restart) by_command "$stop_command" && by_command "$start_command" ;;
    esac
}

# A server that a command leaves behind must hold nothing of this connection, or it would never end.
by_command() {
    said=$(mktemp)
    rc=0
    (cd / && setsid /bin/sh -c "$1" </dev/null >"$said" 2>&1 6<&- 7>&- 4>&-) || rc=$?
    [ "$rc" = 0 ] || cat "$said" >&2
    rm -f "$said"
    return "$rc"
}

# Ends what is left of a start that came to nothing, so that the next one is not queued behind it.
forget_start() {
    ask_manager stop 2>/dev/null || :
    wait_for 30 manager_rests || :
    forget_failure
}
forget_failure() { [ -z "$unit" ] || systemctl reset-failed "$unit" 2>/dev/null || :; }

# SELinux lets PostgreSQL have its usual port, and others that it was told of.
allow_port() {
    if [ "$port" = 5432 ] || ! selinux_on; then return 0; fi
    known=$(semanage port -l 2>/dev/null | awk '$1 == "postgresql_port_t" && $2 == "tcp" { $1 = $2 = ""; gsub(",", ""); print }')
    case " $known " in *" $port "*) return 0 ;; esac
    semanage port -a -t postgresql_port_t -p tcp "$port" >&2 || {
        note "SELinux may keep the server from port $port: semanage port -a -t postgresql_port_t -p tcp $port"
        return 0
    }
    note "SELinux lets PostgreSQL have port $port from now on"
}

# Asks for a start or restart, once everything before it is over: begin_start VERB
begin_start() {
    allow_port
    # A unit that is asked to stop while it still starts kills the server slowly instead of stopping it.
    wait_for 60 manager_rests || :
    if [ "$(manager_state)" = stuck ]; then forget_start; fi
    forget_failure
    ask_manager "$1" >&2 || :
    idle=0
}

# Debian's unit goes on starting for two seconds after its server accepts connections: its script tries what was just seen. A stop
# in that time is none: systemd ends all processes by SIGTERM, and a standby neither runs nor ends (measured on Debian 12: it was
# still there after ten minutes). So the script is told that it is over, which systemd takes for a clean end; not before pg_ctl is
# gone, since systemd wants the server for a child of its own.
end_start_script() {
    [ -n "$unit" ] || return 0
    starter=$(systemctl show -p ControlPID "$unit" 2>/dev/null) || return 0
    starter=${starter#ControlPID=}
    case $(tr '\0' ' ' 2>/dev/null <"/proc/$starter/cmdline") in
        *pg_ctlcluster*' start ') ;;
        *) return 0 ;;
    esac
    wait_for 2 pg_ctl_is_gone || return 0
    kill -TERM "$starter" 2>/dev/null || :
    wait_for 2 manager_rests || :
}
pg_ctl_is_gone() {
    parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$(postmaster_pid)/status") || return 1
    [ "$(cat "/proc/$parent/comm" 2>/dev/null)" != pg_ctl ]
}

# One look at a start that was asked for: fails once nobody works on it any more.
start_goes_on() {
    if postmaster_pid >/dev/null || manager_works; then
        idle=0
        return 0
    fi
    # Between its processes the service manager takes a moment.
    idle=$((idle + 1))
    [ "$idle" -lt 20 ]
}
