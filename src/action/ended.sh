# shellcheck shell=sh
# Reads a server's log and says why its recovery ended short of its target. Who asked meanwhile whether it accepts connections
# was turned away in the same words, before that or after it.
why_recovery_ended() {
    awk 'sub(/.*FATAL: */, "") {
        if (/^recovery ended before configured /) { why = "the archive does not have it"; exit }
        if (!/^role "/ && !/^the database system is /) why = $0
    } END { print why }'
}
