# Holds the cluster's lock for as long as its other end lives: the kernel frees it with this process.
# In: holder
hold() {
    mkdir -p /run/pgrepl
    lock=/run/pgrepl/$cluster.lock
    # Appending, so that who loses does not erase the holder's name.
    exec 9>>"$lock"
    # Who only looks whether it is held has it for a moment.
    if ! flock -w 1 9; then
        fact held_by "$(tail -n 1 "$lock")"
        printf '@exit 0\n'
        exit 0
    fi
    at_work=/run/pgrepl/$cluster.work
    if [ -f "$at_work" ] && ! flock -w 1 "$at_work" true 9>&-; then
        fact at_work "$(head -n 1 "$at_work")"
        printf '@exit 0\n'
        exit 0
    fi
    printf '%s\n' "$holder" >"$lock"
    fact locked yes
    # A line comes every ten seconds; its ssh gives up after fifteen without an answer, so after half a minute without one
    # the other end is gone.
    while timeout 30 sh -c 'IFS= read -r _' 9>&-; do :; done
    printf '@exit 0\n'
    exit 0
}
exec 7>&1
hold
