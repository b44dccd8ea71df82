# shellcheck shell=sh
# Tells what is where a copy beside the cluster goes, or is. Writes nothing.
# In: directory staging copy_unit copy_port (that its server is to have, or nothing)

# Says whether a server has a port of the socket directory, whether it lets anybody in or not.
has_port() {
    code=0
    as_service_user "$clients/pg_isready" -q -t 3 -h "$socket_directory" -p "$1" || code=$?
    [ "$code" -lt 2 ]
}

main() {
    if [ -n "$(ls -A "$directory" 2>/dev/null)" ]; then fact content some; fi
    fact mark "$(as_service_user head -c 1000 "$directory/postgresql.conf" 2>/dev/null | sed -n 1p)"
    if [ -n "$(ls -A "$staging" 2>/dev/null)" ]; then
        fact staging "$(as_service_user head -c 1000 "$staging/source" 2>/dev/null | sed -n 1p)"
        fact staging_of "$(as_service_user head -c 1000 "$staging/system_id" 2>/dev/null | sed -n 1p)"
        if as_service_user test -f "$staging/stopped"; then fact placed yes; fi
    elif [ -d "$staging" ]; then
        fact staging_empty yes
    fi
    case $(systemctl show -p ActiveState "$copy_unit" 2>/dev/null) in *=active | *=activating) fact unit yes ;; esac
    if [ -n "$copy_port" ] && has_port "$copy_port"; then
        fact port_of "$(as_service_user sed -n 2p "$socket_directory/.s.PGSQL.$copy_port.lock" 2>/dev/null)"
        free=$((copy_port + 1))
        while [ "$free" = "$port" ] || has_port "$free"; do free=$((free + 1)); done
        fact port_free "$free"
    fi
}
