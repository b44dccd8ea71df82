# Reads what is in the repository and writes nothing; info ends well whatever it finds, so its answer is what counts.
# In: top
main() {
    read_owner
    fact archive "$owner"
    lists "$top/pgbackrest/archive/$cluster" || fail "there is no repository of $cluster in $top/pgbackrest"
    info=$(backrest info --output=json --log-level-console=off) || fail "pgbackrest info ended with $?"
    info=$(printf '%s' "$info" | tr -d '\n')
    # That of the stanza stands last: 0 all is well, 2 no backup yet.
    case $(printf '%s\n' "$info" | sed -n 's/.*"status":{"code":\([0-9]*\),.*/\1/p') in
        0 | 2) fact info "$info" ;;
        *) fail "pgbackrest cannot read its repository: $(printf '%s\n' "$info" | sed 's/.*"message":"\([^"]*\)".*/\1/')" ;;
    esac
    for manifest in "$top/pgbackrest/backup/$cluster"/[0-9]*/backup.manifest; do
        [ -f "$manifest" ] || continue
        label=${manifest%/backup.manifest}
        label=${label##*/}
        fact written "$label" "$(stat -c %Y "$manifest")"
        backrest repo-get "backup/$cluster/$label/backup.manifest" --log-level-console=off 2>/dev/null | id=$label awk "$awk_fact"'
            # What info does not tell before 2.36.
            /^backup-lsn-(start|stop)=/ { lsn = lsn " " substr($0, index($0, "=") + 1) }
            /^\[backup:target\]/ { inside = 1; gsub("\"", "", lsn); column(ENVIRON["id"]); fact("lsn", substr(lsn, 2)); next }
            /^\[/ && inside { exit }
            inside && /^pg_tblspc\// {
                oid = $0; sub("^pg_tblspc/", "", oid); sub("=.*", "", oid)
                path = $0; sub(".*\"path\":\"", "", path); sub("\".*", "", path)
                column(ENVIRON["id"]); fact("tablespace", oid " " path)
            }' >&7 || :
    done
    list_notes
    list_restores
    for archive in "$top/pgbackrest/archive/$cluster"/*-*; do
        [ -d "$archive" ] || continue
        list_wal "$archive" '????????????????????????-*' "$(control_field "$data_directory" 'Bytes per WAL segment' 2>/dev/null || :)"
        list_history "$archive"/*.history
    done
}
