# A PgBouncer of this host: whom it runs as, its files and its admin console. What its user may write is read by him.
# In: config_file admin_user admin_host admin_port (the last two may be empty: its own)

# Finds it as pooler_pid, if it runs, and its user, who takes the place of the service user: to whom its configuration belongs, or
# where that is root's, whoever runs it.
find_pooler() {
    pooler_pid=
    service_user=$(stat -Lc %U "$config_file" 2>/dev/null) || service_user=nobody
    for process in /proc/[0-9]*; do
        { read -r program <"$process/comm"; } 2>/dev/null || continue
        [ "$program" = pgbouncer ] || continue
        runs_it=$(stat -c %U "$process" 2>/dev/null) || continue
        [ "$service_user" = root ] || [ "$service_user" = "$runs_it" ] || continue
        if tr '\0' '\n' <"$process/cmdline" 2>/dev/null | grep -qxF -e "$config_file"; then
            pooler_pid=${process#/proc/} service_user=$runs_it
        fi
    done
    home=$(getent passwd "$service_user" | cut -d : -f 6)
    home=${home:-/}
}

# Reads a file and what it includes, each once, as pooler_text; each is heard by heard_file PATH, or by unread_file PATH.
read_pooler() {
    case " ${pooler_files:-} " in *" $1 "*) return ;; esac
    pooler_files="${pooler_files:-} $1"
    text=$(as_service_user cat "$1") || {
        unread_file "$1"
        return
    }
    heard_file "$1"
    pooler_text="${pooler_text:-}$text
"
    for include in $(printf '%s\n' "$text" | sed -n 's/^[[:space:]]*%include[[:space:]][[:space:]]*//p'); do read_pooler "$include"; done
}

# A setting of its [pgbouncer] section: pooler_setting NAME USUAL; the last one counts.
pooler_setting() {
    printf '%s\n' "$pooler_text" | awk -v key="$1" -v value="$2" '
        { sub(/^[ \t]+/, "") }
        /^\[/ { section = $0; next }
        section ~ /^\[pgbouncer\]/ && match($0, "^" key "[ \t]*=") {
            value = substr($0, RLENGTH + 1)
            gsub(/^[ \t]+|[ \t\r]+$/, "", value)
        }
        END { print value }'
}

# Finds the console and a program for it.
find_console() {
    console_host=$admin_host console_port=$admin_port
    [ -n "$console_host" ] || console_host=$(pooler_setting unix_socket_dir /tmp)
    [ -n "$console_port" ] || console_port=$(pooler_setting listen_port 6432)
    console_psql=$(printf '%s\n' /usr/lib/postgresql/*/bin/psql /usr/pgsql-*/bin/psql | sort -V | while IFS= read -r one; do
        if [ -x "$one" ]; then printf '%s\n' "$one"; fi
    done | tail -n 1)
    [ -n "$console_psql" ] || console_psql=$(command -v psql) || console_psql=
}

# Says something to the console: console PSQL-ARGUMENTS... ; console_within SECONDS PSQL-ARGUMENTS...
console() { console_within 20 "$@"; }
console_within() {
    console_limit=$1
    shift
    as_service_user timeout "$console_limit" "$console_psql" -XAqtw -h "$console_host" -p "$console_port" -U "$admin_user" -d pgbouncer "$@"
}
