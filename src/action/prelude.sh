# shellcheck shell=sh
# In front of every script that pgrepl runs on a host. Results go to standard output as lines that begin
# with @; whatever programs say goes to standard error. Values escape \ as \\ and newline as \n.
set -eu
umask 077
LC_ALL=C
export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
unset PGPASSWORD PGUSER PGHOST PGDATABASE PGOPTIONS PGSERVICE 2>/dev/null || :
PGCONNECT_TIMEOUT=5
export PGCONNECT_TIMEOUT

# The results go to descriptor 7, so that no program can mix its words into them.
escape() {
    case $1 in
        *[\\]* | *'
'*) printf '%s' "$1" | awk 'BEGIN { ORS = "" } { gsub(/\\/, "\\\\"); if (NR > 1) print "\\n"; print }' ;;
        *) printf '%s' "$1" ;;
    esac
}
fact() { printf '@fact %s %s\n' "$1" "$2" >&7; }
ok() { printf '@ok changed %s\n' "$(escape "${1:-}")" >&7; }
already() { printf '@ok already %s\n' "$(escape "${1:-}")" >&7; }
refused() {
    printf '@refused %s\t%s\n' "$(escape "$1")" "$(escape "$2")" >&7
    exit 0
}
fail() {
    printf '@fail %s\n' "$(escape "$1")" >&7
    exit 0
}
note() { printf '@note %s\n' "$(escape "$1")" >&7; }
progress() { printf '@progress %s %s\n' "$1" "$2" >&7; }

# Runs a program as the service user; signals and the exit status pass through.
as_service_user() {
    if command -v setpriv >/dev/null 2>&1; then
        HOME=$home setpriv --reuid "$service_user" --regid "$service_user" --init-groups "$@"
    else
        HOME=$home sudo -n -u "$service_user" -- "$@"
    fi
}

# Runs SQL as the service user over the local socket, one statement per line of the answer.
sql() {
    # The working directory of an administrator may be closed to the service user.
    printf '%s\n' "$1" | (cd / && as_service_user "$bindir/psql" -XAtq -w -v ON_ERROR_STOP=1 \
        -h "$socket_directory" -p "$port" -d postgres)
}

# Waits until a command succeeds: wait_for SECONDS COMMAND... ; looks ten times a second at first.
wait_for() {
    patience=$(($(date +%s) + $1))
    shift
    pause=0.1
    until "$@"; do
        [ "$(date +%s)" -lt "$patience" ] || return 1
        sleep "$pause"
        pause=0.25
    done
}

# The postmaster of the data directory, if one lives there.
postmaster_pid() {
    [ -f "$data_directory/postmaster.pid" ] || return 1
    pid=$(head -n 1 "$data_directory/postmaster.pid")
    # A file left by a power cut may name a process that is someone else by now.
    [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(readlink -f "$data_directory")" ] || return 1
    printf '%s\n' "$pid"
}

accepts_connections() {
    "$bindir/pg_isready" -q -h "$socket_directory" -p "$port" -d postgres
}

log_tail() {
    if [ -f "$log" ]; then tail -n "${1:-10}" "$log" >&2; fi
}

control_field() {
    "$bindir/pg_controldata" "$1" | awk -F ': *' -v want="$2" '$1 == want { print $2 }'
}

digest_of() {
    if [ -e "$1" ]; then sha256sum <"$1" | cut -d ' ' -f 1; else echo absent; fi
}

# Runs main, defined by the script that follows, and ends with the line that says the script was not cut short.
run_main() {
    rc=0
    (main </dev/null 7>&1 >&2) || rc=$?
    printf '@exit %s\n' "$rc"
    exit 0
}
