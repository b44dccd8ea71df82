# health: written by pgrepl. systemd calls it for each connection to the health port, with that as its standard input and output.
# It answers balancers by the server's own word: /primary and /replica (and what Patroni calls them), /health for either of them.
# In: bindir port socket_directory
clients=$bindir
if [ ! -x "$clients/psql" ]; then clients=$(dirname "$(command -v psql)"); fi

# Not longer than a balancer waits; a server that hangs is not there.
recovering() {
    PGCONNECT_TIMEOUT=2 timeout 3 "$clients/psql" -XAtq -w -h "$socket_directory" -p "$port" -d postgres \
        -c 'select pg_is_in_recovery()' 2>/dev/null
}

answer() { # STATUS ROLE
    body="{\"role\": \"$2\"}"
    printf 'HTTP/1.0 %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' "$1" $((${#body} + 1))
    [ "$method" = HEAD ] || [ "$method" = OPTIONS ] || printf '%s\n' "$body"
}

# A connection that asks nothing is not waited for.
# shellcheck disable=SC2016 # expanded by the shell it is given to
request=$(timeout 3 sh -c 'IFS= read -r line && printf "%s" "$line"; while IFS= read -r line && [ "${#line}" -gt 1 ]; do :; done') || :
method=${request%% *}
path=${request#* }
path=${path%% *}
path=${path%%\?*}
path=${path%"$(printf '\r')"}
case $(recovering) in
    f) role=primary ;;
    t) role=replica ;;
    *) role=none ;;
esac
case $path:$role in
    /primary:primary | /master:primary | /leader:primary | /read-write:primary | /:primary) answer '200 OK' "$role" ;;
    /replica:replica | /standby:replica | /secondary:replica) answer '200 OK' "$role" ;;
    /health:primary | /health:replica | /read-only:primary | /read-only:replica) answer '200 OK' "$role" ;;
    *) answer '503 Service Unavailable' "$role" ;;
esac
