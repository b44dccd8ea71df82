# shellcheck shell=sh
# Reads a server's log and says why its recovery ended short of its target. Who asked meanwhile whether it accepts connections
# was turned away in the same words, before that or after it.
why_recovery_ended() {
    awk 'sub(/.*FATAL: */, "") {
        if (/^recovery ended before configured /) { why = "the archive does not have it"; exit }
        if (!/^role "/ && !/^the database system is /) why = $0
    } END {
        # The restore command ends so where it cannot read the archive (backup/basebackup/restore.sh).
        if (why ~ /exited with exit code 200$/) why = why ": is the archive there, and can it be read?"
        print why
    }'
}

# A moment or a position behind the last record is not met by a recovery, and neither is the end of a backup behind which nothing
# was written: there the end of the WAL is that target. Reads a log: recovers_to_end SETTINGS
ends_at_target='^recovery_target\(_time\|_lsn\)\{0,1\} = '
recovers_to_end() { printf '%s\n' "$1" | grep -q "$ends_at_target" && grep -q 'before configured recovery target was reached'; }

# After a recovery to the end of the WAL, says where that was if the archive goes on behind it, as it does where a segment is
# missing. Before 13 such a recovery ends without a word; the reason in the new timeline's history then names the beginning of
# time, or nothing (measured on 10). In: end (timeline and position where the last segment of the archive begins, in digits that
# sort; empty if that is not known): ended_short HISTORY
ended_short() {
    [ -n "${end:-}" ] && [ -f "$1" ] || return 1
    last=$(as_service_user cat "$1" | awk 'NF { line = $0 } END { print line }')
    case $(printf '%s' "$last" | cut -f 3) in
        'no recovery target specified' | 'before 2000-01-01 '* | 'before 1999-12-31 '* | 'before LSN 0/0') ;;
        *) return 1 ;;
    esac
    lsn=$(printf '%s' "$last" | cut -f 2)
    at=$(printf '%08X%08X%08X' "$(printf '%s' "$last" | cut -f 1)" "0x${lsn%/*}" "0x${lsn#*/}")
    [ "$at" != "$end" ] && [ "$(printf '%s\n%s\n' "$at" "$end" | LC_ALL=C sort | head -n 1)" = "$at" ] && echo "$lsn"
}
