# Writes a file whole: temporary file beside it, owner and mode first, checked, synced, renamed. Where the service user may
# write, he does: root follows nothing that he put there.
# In: path owner mode content (as printf %b reads it) expected (digest, "absent" or "any") check (none, conf, hba)

put_back() {
    if [ -n "$saved" ]; then mv -f "$saved" "$path"; else rm -f "$path"; fi
}

writer() { if [ "$by_user" = yes ]; then as_service_user "$@"; else "$@"; fi; }

main() {
    directory=$(dirname "$path")
    if as_service_user test -w "$directory"; then by_user=yes; else by_user=no; fi
    found=$(digest_of "$path")
    wanted=$(printf '%b' "$content" | sha256sum | cut -d ' ' -f 1)
    if [ "$found" = "$wanted" ]; then
        chown -h "$owner" "$path"
        writer chmod "$mode" "$path"
        already
        return
    fi
    if [ "$expected" != any ] && [ "$found" != "$expected" ]; then
        refused "$path as it was planned on ($(printf %.12s "$expected"))" "another content ($(printf %.12s "$found"))"
    fi
    case $directory in /usr/local/lib/pgrepl/* | /etc/pgbackrest | /etc/pitrery) (umask 022 && mkdir -p "$directory") ;; esac
    [ -d "$directory" ] || fail "cannot write $path: its directory does not exist"
    temporary=$(writer mktemp "$directory/.pgrepl.XXXXXX")
    trap 'rm -f "$temporary"' EXIT
    { chown -h "$owner" "$temporary" && writer chmod "$mode" "$temporary"; } || fail "cannot write $path: it cannot belong to $owner"
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    printf '%b' "$content" | writer sh -c 'cat >"$1"' sh "$temporary" || fail "cannot write $path: no space left in $directory"
    sync "$temporary" 2>/dev/null || sync

    if [ "$check" = conf ]; then
        # -C reads the whole configuration the way a start would; the value it prints is of no interest.
        if ! said=$(cd / && as_service_user "$bindir/postgres" -C port -D "$data_directory" \
            --config-file="$temporary" 2>&1 >/dev/null); then
            printf '%s\n' "$said" | sed "s|$temporary|$path|g" >&2
            fail "cannot write $path: PostgreSQL would not load it"
        fi
    fi

    saved=
    if [ -e "$path" ]; then
        saved=$path.pgrepl-previous
        writer cp -p "$path" "$saved"
        if [ "$keep_original" = yes ] && [ ! -e "$path.before-pgrepl" ]; then
            writer cp -p "$path" "$path.before-pgrepl"
        fi
    fi
    mv -f "$temporary" "$path" || fail "cannot write $path: it cannot be replaced"
    # What stands there the server runs, which it may do with programs only.
    case $path in /usr/local/lib/pgrepl/*) label_as bin_t /usr/local/lib/pgrepl ;; *) label "$path" ;; esac
    sync "$directory" 2>/dev/null || sync

    if [ "$check" = hba ] && [ "$has_hba_rules" = yes ] && accepts_connections; then
        # Disabled SSL makes a rule useless but does not keep the file from being loaded.
        errors=$(sql "select line_number || ': ' || error from pg_hba_file_rules
                      where error is not null and error not like '%SSL is disabled%' order by 1") || {
            put_back
            fail "cannot check $path: the server does not answer, the old file was put back"
        }
        if [ -n "$errors" ]; then
            put_back
            printf '%s\n' "$errors" >&2
            fail "cannot write $path: PostgreSQL would not load it, the old file was put back"
        fi
    fi
    ok
}
