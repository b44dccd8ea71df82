# Brings a diverged instance back onto the history of the server that leads, as a transient unit that outlives this
# connection. What it had beyond the fork is gone afterwards.
# In: marker marker_text single_options conninfo system_id rewind_unit keys (parameters that must not be inherited) config (postgresql.conf)
#     fetch (the program that fetches WAL from the archive, or empty) top (its directory) wal_directory

# pg_rewind removes what the source does not have, whatever that is: an instance that has something of pgrepl's or of a file
# system's in its places is moved out of these for as long as it works.
apart() {
    ! fixed "$data_directory" || return 0
    for link in "$data_directory"/pg_wal "$data_directory"/pg_xlog "$data_directory"/pg_tblspc/*; do
        read_link "$link" || continue
        case $link in */pg_tblspc/*) ! fixed "$place" || return 0 ;; *) return 0 ;; esac
    done
    return 1
}

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
    own=$config_directory
    if config_inside; then own=$body${config_directory#"$data_directory"}; fi
    # A key that was root's is his own now, and is then to be read by nobody else (be-secure-common.c).
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'rm -f "$1"/*.pgrepl-previous "$1"/*.before-pgrepl && for file in "$2"/*; do
            [ -e "$file" ] || [ -L "$file" ] || continue
            cp -pR --remove-destination "$file" "$1/" || exit
            case $file in *.key) [ -L "$file" ] || chmod go= "$1/${file##*/}" || exit ;; esac
        done' sh "$own" "$work/config" || fail "cannot bring the files of $config_directory back from $work/config"
    label "$own"
}

prepare() {
    for link in "$data_directory/$wal_directory" "$data_directory"/pg_tblspc/*; do own_lost "$link"; done
    found=$(control_field "$data_directory" 'Database system identifier')
    [ "$found" = "$system_id" ] || refused "system identifier $system_id" "$found"
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
    if apart; then
        remember
        stamp=$(date -u +%Y%m%dT%H%M%SZ)
        body=$work/data
        put_out "$data_directory" "$body" '*' "$stamp" || fail "cannot move what is in $data_directory to $body"
        parts_out "$body" "$stamp"
    fi
    # shellcheck disable=SC2016 # expanded by the shell of the unit
    rewind='cd / && "$bindir/pg_rewind" -P -D "$body" --source-server="$conninfo" >"$work/log" 2>&1 &&
        cp "$work/marker" "$body/$marker" && chmod --reference="$body/PG_VERSION" "$body/$marker" && : >"$work/complete"'
    writable="$body
$work
$(readlink -f "$body/$wal_directory" "$body"/pg_tblspc/* || :)"
    systemctl reset-failed "$rewind_unit" 2>/dev/null || :
    start_unit "$rewind_unit" \
        --setenv=conninfo="$conninfo" --setenv=bindir="$bindir" --setenv=body="$body" \
        --setenv=work="$work" --setenv=marker="$marker" \
        /bin/sh -c "$rewind" >&2 || fail "cannot start pg_rewind"
}

main() {
    settle
    work=$(beside "$data_directory" rewinding)
    body=$data_directory
    if [ -d "$work/data" ]; then body=$work/data; fi
    if unit_active "$rewind_unit"; then
        note "joined the rewind that was already running"
    elif [ ! -f "$work/complete" ]; then
        ! postmaster_pid >/dev/null || refused "no server in $data_directory" "one that runs"
        [ ! -e "$work" ] || fail "an earlier rewind was cut short: the files are half changed and no rewind can mend them"
        prepare
        begin
    fi
    follow "$rewind_unit" "$work/complete" "$work/log" || fail "the rewind failed: $(why)"
    auto=$body/postgresql.auto.conf
    if [ -f "$auto" ]; then forget_keys "$auto" "$keys"; fi
    own_config
    # Slots that it had as a primary; pg_rewind of some versions leaves them, and they would keep WAL for ever.
    (cd / && as_service_user find "$body/pg_replslot" -mindepth 1 -maxdepth 1 -exec rm -rf {} +)
    write_marker "$body"
    sync
    if [ "$body" != "$data_directory" ]; then
        # What the source has beside its places came along.
        as_service_user rm -rf "$body/.pgrepl" "$body/$wal_directory/.pgrepl"
        parts_in "$body" "failed-$(date -u +%Y%m%dT%H%M%SZ)"
        put_in "$body" "$data_directory" '*' || fail "cannot give what is in $body its place, $data_directory"
        label_data
        sync
    fi
    remove "$work"
    ok
}
