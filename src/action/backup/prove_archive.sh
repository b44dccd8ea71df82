# Looks for the segment where the engine has it; names of ours, no blanks but those of top.
there() {
    log=$(printf %.16s "$segment")
    below=$(printf '%s\n' "$pattern" | sed "s|CLUSTER|$cluster|; s|LOG|$log|; s|SEGMENT|$segment|")
    # shellcheck disable=SC2086 # a pattern
    set -- "$top"$below
    file=$1
    [ -f "$file" ]
}

# Proves that WAL reaches the archive: a segment is ended on the primary, and seen on the mount by each host.
# In: verb (switch, see) top pattern (below top; CLUSTER SEGMENT LOG) segment seconds switch_wal walfile_name current_lsn (SQL names)
main() {
    case $verb in
        switch)
            # A record first: an empty segment is not switched.
            sql "set synchronous_commit = local; select pg_logical_emit_message(true, 'pgrepl', 'check')" >/dev/null
            segment=$(sql "select $walfile_name($current_lsn())")
            sql "select $switch_wal()" >/dev/null || fail "cannot end a WAL segment"
            fact segment "$segment"
            ok "$segment"
            ;;
        see)
            wait_for "$seconds" there || fail "$segment is not in ${top}${pattern%/*} after $seconds s"
            case $file in *.gz) gzip -t "$file" || fail "$segment is damaged in ${file%/*}" ;; esac
            ok "$segment"
            ;;
    esac
}
