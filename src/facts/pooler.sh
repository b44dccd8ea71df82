# Reads a PgBouncer: its files, and what it has loaded. Changes nothing.
# In: what pooler.sh needs; pooler peers (NAME=ADDRESS ...)

heard_file() {
    fact pool_file "$1" "$(as_service_user sha256sum "$1" | cut -d ' ' -f 1)"
    printf '%s\n' "$text" | fact_lines pool_line "$1"
}
unread_file() { fact pool_unread "cannot read $1"; }

addresses_of() {
    case $1 in
        *[!0-9.]*) timeout 5 getent ahosts "$1" 2>/dev/null | cut -d ' ' -f 1 | sort -u || : ;;
        *) printf '%s\n' "$1" ;;
    esac
}

# The names of hosts in what its files say, each once.
hosts_in() {
    printf '%s\n' "$1" | awk '{
        while (match($0, /host[ \t]*=[ \t]*/)) {
            $0 = substr($0, RSTART + RLENGTH)
            name = $0
            sub(/^\047/, "", name)
            sub(/[ \t\r\047].*/, "", name)
            if (name ~ /^[A-Za-z0-9:][A-Za-z0-9._:-]*$/) print name
        }
    }' | sort -u
}

main() {
    if [ ! -e "$config_file" ]; then
        fact pool_unread "there is no $config_file"
        return
    fi
    find_pooler
    if [ -n "$pooler_pid" ]; then fact pool_runs yes; fi
    read_pooler "$config_file"
    for peer in $peers; do addresses_of "${peer#*=}" | fact_lines resolved "${peer%%=*}"; done
    for name in $(hosts_in "${pooler_text:-}"); do
        addresses_of "$name" | fact_lines pool_host "$name"
    done
    if [ -f "/run/pgrepl/$cluster.$pooler.paused" ]; then fact pool_paused yes; fi
    [ -n "$pooler_pid" ] || return 0
    find_console
    if [ -z "$console_psql" ]; then
        fact pool_unread "psql is not installed, which its admin console is asked with"
        return
    fi
    fact pool_console "$service_user" "$console_host" "$console_port"
    if rows=$(console -P tuples_only=off -P footer=off -F '|' -c 'SHOW DATABASES' 2>&1); then
        printf '%s\n' "$rows" | fact_lines pool_database
        console -P tuples_only=off -P footer=off -F '|' -c 'SHOW POOLS' 2>/dev/null | fact_lines pool_pool
    else
        fact pool_unread "its admin console does not answer: $(printf '%s' "$rows" | head -n 1)"
    fi
}
