# Writes a file whole: temporary file beside it, owner and mode first, checked, synced, renamed. Where the service user may
# write, he does: root follows nothing that he put there.
# In: path owner mode content (as printf %b reads it) expected (digest, "absent" or "any") check (none, conf, hba, ident)
#     server_tells (whether it has a view of the rules or maps that it reads there)
#     keeps_rules (whether those of others must stay)
#     keeps_settings (parameters that others set in postgresql.conf and in what it includes, in lower case)

put_back() {
    if [ -n "$saved" ]; then writer mv -fT "$saved" "$path"; else writer rm -f "$path"; fi
}

writer() { if [ "$by_user" = yes ]; then as_service_user "$@"; else "$@"; fi; }

# Says whether a file has the owner and group that it is to have. What he writes is his.
is_owned() { [ "$(writer stat -c %U:%G "$1" 2>/dev/null)" = "$owner" ]; }

# What the server reads of pg_hba.conf, a rule a line, in their order, behind the file and the line that it stands in.
rules_of_server() {
    file="''" order=line_number
    if [ -n "$(sql "select 1 from pg_attribute where attrelid = 'pg_hba_file_rules'::regclass and attname = 'rule_number'")" ]; then
        file=file_name order='rule_number, line_number'
    fi
    sql "select $file || chr(9) || line_number || chr(9) ||
            concat_ws(' ', type, database, user_name, address, netmask, auth_method, options)
        from pg_hba_file_rules where type is not null order by $order"
}

# Of such rules those that others wrote; of a file of ours only what is kept in it: foreign_rules FILE
foreign_rules() {
    awk -F '\t' -v path="$path" '
        FNR == NR {
            if (FNR == 1 && /: written by pgrepl[.]/) ours = 1
            if (/^# --- end of kept/) inside = 0; else if (/^# --- kept/) inside = 1
            kept[FNR] = inside
            next
        }
        !ours || ($1 == "" || $1 == path) && kept[$2]' "$1" -
}

# Says which of the first rules are not among the others any more, or in another order: lost_rules BEFORE AFTER
lost_rules() {
    printf '%s\n\n%s\n' "$2" "$1" | awk -F '\t' '
        $0 == "" { begun = 1; next }
        !begun { after[++count] = $3; any[$3] = 1; next }
        {
            for (at = next_one + 1; at <= count && after[at] != $3; at++);
            if (at <= count) next_one = at
            else if (!($3 in any)) print $3
        }'
}

# What the server reads in its files of these parameters, each with the last value that they give it.
settings_of_server() {
    sql "select distinct on (lower(name)) lower(name) || chr(9) || md5(coalesce(setting, ''))
        from pg_file_settings where name is not null order by lower(name), seqno desc" |
        awk -F '\t' -v names="$keeps_settings" '
            BEGIN { count = split(names, each, " "); for (at = 1; at <= count; at++) kept[each[at]] = 1 }
            kept[$1]'
}

# Says which of the first settings are not among the others any more: lost_settings BEFORE AFTER
lost_settings() {
    printf '%s\n\n%s\n' "$2" "$1" | awk -F '\t' '
        $0 == "" { begun = 1; next }
        !begun { after[$0] = 1; next }
        !after[$0] { print $1 }'
}

# What the server reads of pg_ident.conf, likewise.
maps_of_server() {
    sql "select chr(9) || line_number || chr(9) || concat_ws(' ', map_name, sys_name, pg_username)
        from pg_ident_file_mappings where error is null order by line_number"
}

# What others wrote that the server reads in the file.
others_of_server() {
    if [ "$check" = ident ]; then maps_of_server; return; fi
    rules=$(rules_of_server) || return
    if [ -n "$rules" ]; then printf '%s\n' "$rules" | foreign_rules "$path"; fi
}

# What the server would not load of the file; of disabled SSL it complains, and loads the rule all the same.
errors_of_server() {
    case $check in
        hba) sql "select error from pg_hba_file_rules where error is not null and error not like '%SSL is disabled%' order by line_number" ;;
        ident) sql "select error from pg_ident_file_mappings where error is not null order by line_number" ;;
    esac
}

# A rule may need what postgresql.conf says by now and the server has not loaded (oauth_validator_libraries, ssl_ca_file): it
# loads that with the old file in its place, and judges the new one once more.
with_loaded_settings() {
    [ "$check" = hba ] && [ -n "$saved" ] || return 0
    loaded=$(sql 'select pg_conf_load_time()') || return 0
    # Cut anywhere, one of the two is there, whole.
    writer cp -p "$path" "$temporary" || return 0
    if ! { writer cp -p "$saved" "$temporary.old" && writer mv -fT "$temporary.old" "$path"; }; then
        writer rm -f "$temporary.old"
        return 0
    fi
    sql 'select pg_reload_conf()' >/dev/null || :
    tries=0
    while [ "$tries" -lt 50 ] && [ "$(sql 'select pg_conf_load_time()')" = "$loaded" ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    writer mv -fT "$temporary" "$path"
    errors=$(errors_of_server) || errors='the server does not answer'
    errors=$(new_complaints "$complaints" "$errors")
}

# Of the second complaints those that are not among the first, as those about lines that stay are: new_complaints BEFORE AFTER
new_complaints() {
    printf '%s\n\n%s\n' "$1" "$2" | awk '
        $0 == "" { begun = 1; next }
        !begun { said[$0]++; next }
        said[$0]-- <= 0'
}

main() {
    directory=$(dirname "$path")
    if [ "$own_directory" = yes ]; then (umask 022 && mkdir -p "$directory"); fi
    [ -d "$directory" ] || fail "cannot write $path: its directory does not exist"
    if is_his "$directory"; then by_user=yes; else by_user=no; fi
    found=$(writer sha256sum "$path" 2>/dev/null | cut -d ' ' -f 1)
    if [ -z "$found" ]; then
        [ ! -e "$path" ] || fail "cannot read $path"
        found=absent
    fi
    wanted=$(printf '%b' "$content" | sha256sum | cut -d ' ' -f 1)
    if [ "$found" = "$wanted" ] && { is_owned "$path" || { [ "$by_user" = no ] && chown -h "$owner" "$path"; }; } && writer chmod "$mode" "$path"; then
        already
        return
    fi
    if [ "$expected" != any ] && [ "$found" != "$expected" ] && [ "$found" != "$wanted" ]; then
        refused "$path as it was planned on ($(printf %.12s "$expected"))" "another content ($(printf %.12s "$found"))"
    fi
    temporary=$(writer mktemp "$directory/.pgrepl.XXXXXX") || fail "cannot write $path: no file can be made in $directory"
    trap 'writer rm -f "$temporary"' EXIT
    if [ "$by_user" = no ]; then chown -h "$owner" "$temporary"; fi
    { is_owned "$temporary" && writer chmod "$mode" "$temporary"; } || fail "cannot write $path: it cannot belong to $owner in $directory"
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    printf '%b' "$content" | writer sh -c 'cat >"$1"' sh "$temporary" || fail "cannot write $path: no space left in $directory"
    writer sync "$temporary" 2>/dev/null || sync

    if [ "$check" = conf ]; then
        # -C reads the whole configuration the way a start would; the value it prints is of no interest. Before there is a
        # data directory an empty one does: it is looked at for postgresql.auto.conf only.
        checked_with=$data_directory
        if ! as_service_user test -d "$checked_with"; then
            checked_with=$(as_service_user mktemp -d /tmp/pgrepl.XXXXXX) || fail "cannot check $path: no space left in /tmp"
            trap 'writer rm -f "$temporary"; as_service_user rmdir "$checked_with" 2>/dev/null || :' EXIT
        fi
        if ! said=$(cd / && as_service_user "$bindir/postgres" -C port -D "$checked_with" \
            --config-file="$temporary" 2>&1 >/dev/null); then
            printf '%s\n' "$said" | sed "s|$temporary|$path|g" >&2
            fail "cannot write $path: PostgreSQL would not load it"
        fi
    fi

    saved='' before='' settings='' complaints=''
    if [ "$server_tells" = yes ] && [ -f "$path" ] && accepts_connections; then
        complaints=$(errors_of_server) || fail "cannot check $path: the server does not answer"
        if [ "$keeps_rules" = yes ]; then
            before=$(others_of_server) || fail "cannot check $path: the server does not answer"
        fi
    fi
    if [ "$check" = conf ] && [ -n "$keeps_settings" ] && [ -f "$path" ] && accepts_connections; then
        settings=$(settings_of_server) || fail "cannot check $path: the server does not answer"
    fi
    if [ -e "$path" ]; then
        saved=$path.pgrepl-previous
        writer cp -p --remove-destination "$path" "$saved" || fail "cannot keep $path: no space left in $directory"
        if [ "$keep_original" = yes ] && [ ! -e "$path.before-pgrepl" ]; then
            writer cp -p "$path" "$path.before-pgrepl" || fail "cannot keep $path: no space left in $directory"
        fi
    fi
    writer mv -fT "$temporary" "$path" || fail "cannot write $path: it cannot be replaced"
    # What stands there the server runs, which it may do with programs only.
    case $path in /usr/local/lib/pgrepl/*) label_as bin_t /usr/local/lib/pgrepl ;; *) label "$path" ;; esac
    writer sync "$directory" 2>/dev/null || sync

    if [ "$server_tells" = yes ] && accepts_connections; then
        errors=$(errors_of_server) || {
            put_back
            fail "cannot check $path: the server does not answer, the old file was put back"
        }
        errors=$(new_complaints "$complaints" "$errors")
        if [ -n "$errors" ]; then with_loaded_settings; fi
        if [ -n "$errors" ]; then
            put_back
            printf '%s\n' "$errors" >&2
            fail "cannot write $path: PostgreSQL would not load it, the old file was put back"
        fi
        if [ -n "$before" ]; then
            case $check in hba) after=$(rules_of_server) ;; ident) after=$(maps_of_server) ;; esac &&
                lost=$(lost_rules "$before" "$after") || lost='the server does not answer'
            if [ -n "$lost" ]; then
                put_back
                printf '%s\n' "$lost" >&2
                fail "cannot write $path: rules or maps that were loaded before would be lost, the old file was put back"
            fi
        fi
    fi
    if [ -n "$settings" ]; then
        lost=$(after=$(settings_of_server) && lost_settings "$settings" "$after") || lost='the server does not answer'
        if [ -n "$lost" ]; then
            put_back
            printf '%s\n' "$lost" >&2
            fail "cannot write $path: settings that others made would be lost, the old file was put back"
        fi
    fi
    ok
}
