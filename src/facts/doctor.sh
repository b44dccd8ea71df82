# Tells what a first run needs beside what every look tells: the clock, and whether each peer is reached on its port.
# Writes nothing. Variables: peers, lines of a name, an address and a port with tabs between them.

main() {
    fact clock "$(date +%s)"
    printf '%s\n' "$peers" | {
        while IFS='	' read -r name address port; do
            [ -n "$name" ] || continue
            # All at once: who does not answer is waited for once.
            route "$name" "$address" "$port" &
        done
        wait
    }
}

# That nothing listens there yet is as good an answer: the way is open. route NAME ADDRESS PORT
route() {
    if ! command -v bash >/dev/null || ! command -v timeout >/dev/null; then
        fact route "$1" unknown
        return 0
    fi
    code=0
    # shellcheck disable=SC2016 # expanded by bash
    said=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$2" "$3" 2>&1) || code=$?
    case $code:$said in
        0:*) fact route "$1" open ;;
        124:*) fact route "$1" silent ;;
        *'Connection refused'*) fact route "$1" refused ;;
        *) fact route "$1" "$(printf '%s\n' "$said" | sed -n '1s/.*: //p')" ;;
    esac
}
