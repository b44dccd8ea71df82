# shellcheck shell=sh
# In front of every script that pgrepl runs on a host. Results go to standard output as lines that begin
# with @; whatever programs say goes to standard error. Values escape \ as \\ and newline as \n.
set -eu
umask 077
# Where root begins may be closed to the service user.
cd /
LC_ALL=C
export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
unset PGPASSWORD PGUSER PGHOST PGDATABASE PGOPTIONS PGSERVICE PGPASSFILE PGSSLMODE 2>/dev/null || :
PGCONNECT_TIMEOUT=5
export PGCONNECT_TIMEOUT

# The client programs: the server's own, or where its package has none, those of the newest version beside it.
find_clients() {
    clients=${bindir:-}
    if [ -n "$clients" ] && [ ! -x "$clients/psql" ]; then
        newest=$(printf '%s\n' "${bindir%/"$major"/bin}"/*/bin/psql | sort -V | tail -n 1)
        if [ -x "$newest" ]; then clients=${newest%/psql}; fi
    fi
}
find_clients

# How results are told, for every shell of a script and for its awk programs: they go to descriptor 7, so that no program can
# mix its words into them, and what a host, its users or its files chose begins neither a line nor a column of its own.
# \ is told as \\, a line end as \n, and in each column but the last a tab as \t: fact KEY COLUMN...
# shellcheck disable=SC2016,SC2089 # expanded by each shell
telling='
escape() {
    case $1 in
        *[\\]* | *"
"*) printf "%s\n" "$1" | awk "BEGIN { ORS = \"\" } { gsub(/\\\\/, \"&&\"); if (NR > 1) print \"\\\\n\"; print }" ;;
        *) printf "%s" "$1" ;;
    esac
}
fact() {
    fact_line="@fact $1 "
    shift
    case "$*" in
        *[\\]* | *"	"* | *"
"*)
            while [ $# -gt 1 ]; do
                fact_line=$fact_line$(escape "$1" | sed "s/	/\\\\t/g")"	"
                shift
            done
            fact_line=$fact_line$(escape "${1-}")
            ;;
        *)
            while [ $# -gt 1 ]; do
                fact_line="$fact_line$1	"
                shift
            done
            fact_line=$fact_line${1-}
            ;;
    esac
    printf "%s\n" "$fact_line" >&7
}
# Of a program of awk: column(TEXT) for each column but the last, then fact(KEY, TEXT).
awk_fact="
    function fact_escape(text) { gsub(/\\\\/, \"&&\", text); gsub(/\n/, \"\\\\n\", text); return text }
    function column(text) { text = fact_escape(text); gsub(/	/, \"\\\\t\", text); fact_columns = fact_columns text \"	\" }
    function fact(key, text) { print \"@fact \" key \" \" fact_columns fact_escape(text); fact_columns = \"\" }"
# Tells of each line of standard input: fact_lines KEY [COLUMN]. By the environment: -v takes what looks like an escape for one.
fact_lines() {
    many=$# of=${2-} awk "$awk_fact { if (ENVIRON[\"many\"] > 1) column(ENVIRON[\"of\"]); fact(\"$1\", \$0) }" >&7
}
'
eval "$telling"
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

# A shell that holds a password leaves no core.
# shellcheck disable=SC3045 # every sh of Linux has it
no_core() { ulimit -c 0 2>/dev/null || :; }

# Runs a program as the service user, who may be the one that runs all of this; signals and the exit status pass through.
# Older setprivs know neither names nor --init-groups, only the option that came after both tells; runuser costs a process
# more. Whatever touches the mount does so by this: a file server may give root no right at all (root_squash).
if [ "${runs_as:-root}" = root ]; then setpriv_knows=$(setpriv --help 2>&1) || :; else setpriv_knows=himself; fi
as_service_user() {
    case $setpriv_knows in
        himself) HOME=$home "$@" ;;
        *--reset-env*) HOME=$home setpriv --reuid "$service_user" --regid "$service_user" --init-groups "$@" ;;
        *) HOME=$home runuser -u "$service_user" -- "$@" ;;
    esac
}

# Says whether there is a service user, as there is not before the packages are; asked once.
has_user() {
    if [ -z "${exists:-}" ]; then
        if id "$service_user" >/dev/null 2>&1; then exists=yes; else exists=no; fi
    fi
    [ "$exists" = yes ]
}

# Says whether the service user could exchange what a directory leads to, or what is in it: it, or one on the way there, belongs to
# him or is open to him. The kernel is asked by root: what runs as him he may make say anything. Where somebody else's directory
# is open to all (t), what others have in it stays theirs; new names there are anybody's.
is_his() {
    if [ "$setpriv_knows" = himself ] || as_service_user test -w "$1"; then return 0; fi
    way=$(namei -mo -- "$1" 2>/dev/null) || return 0
    printf '%s\n' "$way" | awk -v user="$service_user" -v groups=" $(id -Gn "$service_user" 2>/dev/null) " '
        NR == 1 { next }
        { open = 0 }
        $2 == user { his = 1 }
        $1 ~ /^[^l]....w/ && index(groups, " " $3 " ") || $1 ~ /^[^l].......w/ { if ($1 ~ /[tT]$/) open = 1; else his = 1 }
        END { exit !(his || open) }'
}

# Makes, renames or removes something in a directory: as the service user where that may be his doing, so that root follows
# nothing that he put there, else as root: by_owner DIRECTORY COMMAND...
by_owner() {
    where=$1
    shift
    if is_his "$where"; then as_service_user "$@"; else "$@"; fi
}

# Gives something another name, which nobody has: move FROM TO
move() { by_owner "${2%/*}" mv -fT "$1" "$2"; }

# Removes directories of the service user's with all in them, wherever they are.
remove() {
    for going; do
        as_service_user rm -rf "$going" 2>/dev/null || by_owner "${going%/*}" rmdir "$going" || return
    done
}

# Makes what is missing of the way to a directory, and the directory, for everybody to read.
make_way() {
    near=$1
    while [ ! -d "$near" ]; do
        near=${near%/*}
        near=${near:-/}
    done
    [ "$near" = "$1" ] || (umask 022 && by_owner "$near" mkdir -p "$1") || fail "cannot make $1"
}

# Makes a directory of the service user's.
own_directory() {
    if is_his "${1%/*}"; then
        as_service_user mkdir -m 700 "$1"
    else
        mkdir -m 700 "$1" && chown -h "$service_user:$service_user" "$1"
    fi || fail "cannot make $1"
}

# Writes a file of the service user's whole: put PATH TEXT
put() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    if is_his "${1%/*}"; then
        printf '%s' "$2" | as_service_user sh -c 'umask 077 && cat >"$1.put" && mv -fT "$1.put" "$1"' sh "$1"
    else
        printf '%s' "$2" >"$1" && chown -h "$service_user:$service_user" "$1"
    fi || fail "cannot write $1"
}

# Runs SQL as the service user over the local socket, one statement per line of the answer.
sql() { printf '%s\n' "$1" | psql_here; }

# Likewise, for what comes on standard input. What the server, his role or the database set for sessions does not matter, nor
# in what language the server writes its log, nor as whom or in what isolation they begin, which a standby has not all of. What
# only newer versions know is in session_options. In: sql_options sql_database (or nothing)
# shellcheck disable=SC2089,SC2090 # libpq reads the backslash
psql_here() (
    PGOPTIONS="-c lc_messages=C -c search_path=pg_catalog -c default_transaction_read_only=off -c statement_timeout=0"
    PGOPTIONS="$PGOPTIONS -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c role=none"
    PGOPTIONS="$PGOPTIONS -c default_transaction_isolation=read\\ committed -c default_transaction_deferrable=off"
    PGOPTIONS="$PGOPTIONS ${session_options:-} ${sql_options:-}"
    export PGOPTIONS
    as_service_user "$clients/psql" -XAtq -w -v ON_ERROR_STOP=1 -h "$socket_directory" -p "$port" -d "${sql_database:-postgres}"
)

# Runs a command that touches a file system that may not answer: within SECONDS COMMAND... ; 124 when it gave none in
# time. By the service user: it is the mount's. What the kernel holds cannot be killed: only a shell that waits for it is, and nothing here waits for its output.
within() {
    limit=$1
    shift
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user timeout "$limit" sh -c 'trap "kill -KILL \$work" TERM; "$@" & work=$!; wait "$work"' sh "$@" >/dev/null 2>&1 7>&- 4>&-
}

# Whose archive is in the cluster's place on the mount, as `owner`: what cannot be read is not taken for what is not there.
read_owner() {
    owner=$(as_service_user timeout 10 head -n 1 "$top/.pgrepl" 2>&1) || case $?:$owner in
        124:*) fail "$top does not answer" ;;
        *'No such file'*) refused "the cluster's directory $top on the mounted backup file system" "none" ;;
        *) fail "cannot read $top/.pgrepl: ${owner##*: }" ;;
    esac
}

# Ends unless the archive there is that of the data directory's cluster.
check_owner() {
    read_owner
    owned=$(control_field "$data_directory" 'Database system identifier')
    [ "$owner" = "$owned" ] || refused "the archive of cluster $owned in $top" "that of $owner"
}

# Waits until a command succeeds: wait_for SECONDS COMMAND... ; looks ten times a second at first.
wait_for() {
    patience=$(($(date +%s) + $1))
    shift
    looks=0
    until "$@"; do
        [ "$(date +%s)" -lt "$patience" ] || return 1
        looks=$((looks + 1))
        if [ "$looks" -lt 30 ]; then sleep 0.1; else sleep 0.25; fi
    done
}

# How many bytes are in a directory; none when it goes away meanwhile, as what is being made does: bytes_in DIRECTORY
bytes_in() { as_service_user du -sk "$1" 2>/dev/null | awk '{ kilobytes = $1 } END { printf "%.0f\n", kilobytes * 1024 }'; }

# The postmaster of the data directory, if one lives there.
postmaster_pid() {
    [ -f "$data_directory/postmaster.pid" ] || return 1
    read -r pid <"$data_directory/postmaster.pid" || [ -n "$pid" ] || return 1
    # A file left by a power cut may name a process that is someone else by now.
    both=$(readlink -f "/proc/$pid/cwd" "$data_directory") || return 1
    [ "$both" = "${both%%
*}
${both%%
*}" ] || return 1
    printf '%s\n' "$pid"
}

accepts_connections() {
    as_service_user "$clients/pg_isready" -q -h "$socket_directory" -p "$port" -d postgres
}

# The file the server writes its log into now: where a collector writes, the newest one.
server_log() {
    if [ -d "$log" ]; then
        # shellcheck disable=SC2012 # the names are made by the server
        printf '%s/%s\n' "$log" "$(ls -t "$log" | head -n 1)"
    else
        printf '%s\n' "$log"
    fi
}

log_tail() {
    log_now=$(server_log)
    if [ -f "$log_now" ]; then as_service_user tail -n "${1:-10}" "$log_now" >&2; fi
    # What a server says before its collector works is heard by its unit only.
    if [ -d "$log" ] && [ -n "$unit" ]; then journalctl -q --no-pager -o cat -n "${1:-10}" -u "$unit" >&2 || :; fi
}

config_inside() { case $config_directory/ in "$data_directory"/*) return 0 ;; *) return 1 ;; esac }

selinux_on() { command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled; }

# Gives files the labels that their places ask for, where SELinux is on.
label() {
    if selinux_on; then restorecon -R "$@" >&2 || note "restorecon failed on $*"; fi
}

# Gives a place and all in it labels of one type. Where the policy has another one for it, what is there would be closed to
# the server, and SELinux is told first: label_as TYPE PLACE
label_as() {
    selinux_on || return 0
    case $(matchpathcon -n "$2" 2>/dev/null) in
        *:"$1":*) ;;
        *)
            rule="$(printf '%s' "$2" | sed 's/[].*^$+?(){}|\\[]/\\&/g')(/.*)?"
            tell_selinux "$1" "$rule" || {
                note "SELinux may keep the server from $2: semanage fcontext -a -t $1 '$rule' && restorecon -R $2"
                return 0
            }
            note "SELinux knows $2 as $1 from now on"
            ;;
    esac
    label "$2"
}
tell_selinux() {
    answer=$(semanage fcontext -a -t "$1" "$2" 2>&1) && return
    printf '%s\n' "$answer" >&2
    # The policy may know the place by another name.
    other=$(printf '%s\n' "$answer" | sed -n "s/.*Try adding '\(.*\)' instead.*/\1/p")
    [ -n "$other" ] && semanage fcontext -a -t "$1" "$other" >&2
}

# The data directory, its WAL and its tablespaces, wherever the inventory has them.
label_data() {
    for place in "$data_directory" "$data_directory"/pg_wal "$data_directory"/pg_xlog "$data_directory"/pg_tblspc/*; do
        [ -d "$place" ] || continue
        place=$(readlink -f "$place")
        # A link of the service user's leads anywhere.
        [ "$(stat -c %U "$place")" != "$service_user" ] || label_as postgresql_db_t "$place"
    done
}

# The data directory that the unit gives to the server.
unit_data() {
    unit_data_is=$(systemctl show -p Environment "$unit" 2>/dev/null | sed 's/^Environment=//' | tr ' ' '\n' | tr -d '"' | sed -n 's/^PGDATA=//p' | tail -n 1)
    printf '%s\n' "${unit_data_is%/}"
}

# A field of the control file: control_field DATA-DIRECTORY NAME. Another version's pg_controldata would tell nonsense.
control_field() {
    if [ ! -x "$bindir/pg_controldata" ]; then
        # It stands first in the control file of every version (src/include/catalog/pg_control.h).
        if [ "$2" != 'Database system identifier' ]; then
            echo "pg_controldata is not installed in $bindir" >&2
            return 1
        fi
        as_service_user od -An -t u8 -N 8 "$1/global/pg_control" | tr -d ' '
        return
    fi
    as_service_user "$bindir/pg_controldata" "$1" | awk -F ': *' -v want="$2" '$1 == want { print $2 }'
}

# Whoever works on a mount that does not answer says nothing any more, so another one looks at it, and speaks in its
# place. What had begun there may go on when it answers again; this script does not.
watch_mount() {
    while [ -d "/proc/$worker" ]; do
        sleep 5 >/dev/null 2>&1
        code=0
        within 20 stat -f "$top" || code=$?
        [ "$code" != 124 ] || {
            printf '@fail %s does not answer\n@exit 0\n' "$(escape "$top")"
            kill -KILL "$$" "$worker"
        }
    done
}

# Runs main, defined by the script that follows, and ends with the line that says the script was not cut short. Because
# its exit status is looked at, the shell does not stop in it at a command that fails, whatever `set -e` says: whoever
# goes on after something that must have succeeded asks.
run_main() {
    # In front of || the shell would go on after a command that fails.
    set +e
    if [ -n "${top:-}" ]; then
        # No shell between it and what works: killed, it would leave that behind.
        careful_main &
        worker=$!
        watch_mount 4>&- &
        watcher=$!
        wait "$worker"
        rc=$?
        kill "$watcher" 2>/dev/null
    else
        (careful_main)
        rc=$?
    fi
    set -e
    printf '@exit %s\n' "$rc"
    exit 0
}
careful_main() {
    set -e
    main </dev/null 7>&1 >&2
}
