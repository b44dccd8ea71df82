# shellcheck shell=sh
# What PostgreSQL calls for each WAL file may meet a mount that does not answer: it must not hold the archiver, a standby
# or the end of the server for ever.

# Runs a command and gives up on it after so many seconds (124): within SECONDS COMMAND... What the kernel holds cannot
# always be killed, so a shell that waits for it is ended; it stays in the group of processes that the server signals.
within() {
    limit=$1
    shift
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    timeout --foreground "$limit" sh -c 'trap "kill -KILL \$work" TERM INT QUIT; "$@" & work=$!; wait "$work"' sh "$@"
}

# Ends this unless the marker is there, which is on the mounted file system only, and so is the directory of the archive if
# it ever was: marked TOP END (who is told why) DIRECTORY. The size of a file system is asked of its server; of a file the
# kernel may remember that it was there. What was seen is noted in the data directory, where this is called: an archive that
# is moved away later is missed, and not begun anew.
marked() {
    code=0
    seen=pgrepl.archives
    known=
    if [ -f "$seen" ]; then
        while IFS= read -r line; do
            if [ "$line" = "$1/$3" ]; then known=$line; fi
        done <"$seen"
    fi
    within 10 stat -f "$1/.pgrepl" "${known:-$1}" >/dev/null 2>&1 || code=$?
    case $code in
        0) ;;
        124) "$2" "$1 does not answer" ;;
        *) "$2" "no $1/.pgrepl${known:+, or no $known}: is the backup file system mounted?" ;;
    esac
    if [ -z "$known" ] && [ -d "$1/$3" ] && [ -f PG_VERSION ]; then
        # It may be full, or read-only; WAL is archived all the same.
        printf '%s\n' "$1/$3" 2>/dev/null >>"$seen" || :
    fi
}

# Does the work on the mount, which is a segment's, and is given five minutes: at_work TOP END COMMAND...
at_work() {
    at=$1 end=$2 code=0
    shift 2
    within 300 "$@" || code=$?
    [ "$code" != 124 ] || "$end" "$at does not answer"
    return "$code"
}
