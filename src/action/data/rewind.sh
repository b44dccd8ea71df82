# Brings a diverged instance back onto the history of the server that leads, as a transient unit that outlives this
# connection. What it had beyond the fork is gone afterwards.
# In: marker marker_text single_options conninfo system_id rewind_unit keys (parameters that must not be inherited) config (postgresql.conf)
#     fetch (the program that fetches WAL from the archive, or empty) top (its directory) wal_directory
work=$data_directory.pgrepl-rewinding

# Why pg_rewind gave up, from its words; before 12 it did not mark them.
reason() {
    awk '
        sub(/^pg_rewind: (error|fatal): */, "") { if (!marked++) why = $0; next }
        !marked && NF && !/^Failure, exiting/ { why = $0 }
        END { print why }'
}
why() { last_words "$work/log" | reason; }

# pg_rewind makes every file that is no table like the source's, a configuration beside the data too. The service user keeps it,
# links as links, and puts it back: whose directory that is he may change under root's hands.
save_config() {
    config_inside || return 0
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'umask 077 && mkdir "$2" || exit
        for file in "$1"/*.conf "$1"/*.conf.* "$1"/*.crt "$1"/*.key "$1"/*.pem "$1"/conf.d; do
            case $file in */postgresql.auto.conf | */recovery.conf) continue ;; esac
            if [ -e "$file" ] || [ -L "$file" ]; then cp -pR "$file" "$2/" || exit; fi
        done' sh "$config_directory" "$work/config" || {
        remove "$work"
        fail "cannot keep the files in $config_directory: $service_user cannot read them, or no space is left"
    }
}
own_config() {
    as_service_user test -d "$work/config" || return 0
    # A key that was root's is his own now, and is then to be read by nobody else (be-secure-common.c).
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'rm -f "$1"/*.pgrepl-previous "$1"/*.before-pgrepl && for file in "$2"/*; do
            [ -e "$file" ] || [ -L "$file" ] || continue
            cp -pR --remove-destination "$file" "$1/" || exit
            case $file in *.key) [ -L "$file" ] || chmod go= "$1/${file##*/}" || exit ;; esac
        done' sh "$config_directory" "$work/config" || fail "cannot bring the files of $config_directory back from $work/config"
    label "$config_directory"
}

prepare() {
    found=$(control_field "$data_directory" 'Database system identifier')
    [ "$found" = "$system_id" ] || refused "system identifier $system_id" "$found"
    as_service_user rm -rf "$work.log"
    case $(control_field "$data_directory" 'Database cluster state') in
        'shut down' | 'shut down in recovery') ;;
        *)
            # pg_rewind wants an instance that was stopped cleanly; the recovery after a crash makes it one.
            as_service_user rm -f "$data_directory/postmaster.pid"
            # shellcheck disable=SC2086 # options, or nothing
            (cd / && as_service_user "$bindir/postgres" --single -D "$data_directory" -c config_file="$config" \
                -c archive_mode=off $single_options template1 </dev/null) >&2 2>&1 ||
                fail "cannot finish the recovery of the instance after its crash"
            ;;
    esac
    # What it would do, without doing it: the proof that it can be done.
    until try; do
        bring_missing || {
            printf '%s\n' "$tried" >&2
            fail "pg_rewind cannot do it: $(printf '%s\n' "$tried" | reason)"
        }
    done
    # It looks at where the instance's WAL ends, not at what is in it: what a crash has cut short it takes for a part of the history.
    case $tried in *'no rewind required'*) fail "pg_rewind sees no fork: the end of the instance's WAL is missing" ;; esac
}

try() {
    tried=$(cd / && as_service_user "$bindir/pg_rewind" -n -D "$data_directory" --source-server="$conninfo" 2>&1)
}

# Brings the segment that pg_rewind misses back from the archive, if that has it.
bring_missing() {
    [ -n "$fetch" ] || return 1
    segment=$(printf '%s\n' "$tried" | sed -n 's,.*could not open file ".*/\([0-9A-F]\{24\}\)".*,\1,p' | head -n 1)
    place=$data_directory/$wal_directory/$segment
    [ -n "$segment" ] && [ ! -e "$place" ] || return 1
    (cd / && as_service_user "$fetch" "$top" "$segment" "$place.pgrepl" rewind) >&2 || return 1
    as_service_user mv -fT "$place.pgrepl" "$place" || return 1
    echo "$segment came from the archive"
}

begin() {
    own_directory "$work"
    save_config
    put "$work/log" ''
    put "$work/marker" "$marker_text"
    # shellcheck disable=SC2016 # expanded by the shell of the unit
    rewind='cd / && "$bindir/pg_rewind" -P -D "$data_directory" --source-server="$conninfo" >"$work/log" 2>&1 &&
        cp "$work/marker" "$data_directory/$marker" && chmod 600 "$data_directory/$marker" && : >"$work/complete"'
    writable="$data_directory
$work
$(readlink -f "$data_directory/$wal_directory" "$data_directory"/pg_tblspc/* || :)"
    systemctl reset-failed "$rewind_unit" 2>/dev/null || :
    start_unit "$rewind_unit" \
        --setenv=conninfo="$conninfo" --setenv=bindir="$bindir" --setenv=data_directory="$data_directory" \
        --setenv=work="$work" --setenv=marker="$marker" \
        /bin/sh -c "$rewind" >&2 || fail "cannot start pg_rewind"
}

main() {
    if unit_active "$rewind_unit"; then
        note "joined the rewind that was already running"
    elif [ ! -f "$work/complete" ]; then
        ! postmaster_pid >/dev/null || refused "no server in $data_directory" "one that runs"
        [ ! -e "$work" ] || fail "an earlier rewind was cut short: the files are half changed and no rewind can mend them"
        prepare
        begin
    fi
    follow "$rewind_unit" "$work/complete" "$work/log" || fail "the rewind did not end well: $(why)"
    auto=$data_directory/postgresql.auto.conf
    if [ -f "$auto" ]; then forget_keys "$auto" "$keys"; fi
    own_config
    # Slots that it had as a primary; pg_rewind of some versions leaves them, and they would keep WAL for ever.
    (cd / && as_service_user find "$data_directory/pg_replslot" -mindepth 1 -maxdepth 1 -exec rm -rf {} +)
    write_marker "$data_directory"
    sync
    remove "$work"
    ok
}
