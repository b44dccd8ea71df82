# Creates an empty instance where there is none: initdb works in staging, and one rename makes what is complete the data
# directory. Half made it has a name of its own, and is begun anew.
# In: locale encoding (what was asked for, or nothing) options (words without blanks) staging wal_place

# The locale that was asked for, else the host's own, else one of UTF-8 that sorts by bytes. C alone has no encoding of its own.
locale_options() {
    lang=$locale
    [ -n "$lang" ] || lang=$(sed -n 's/^LANG=//p' /etc/locale.conf /etc/default/locale 2>/dev/null | tr -d '"' | head -n 1)
    case $locale:$lang in
        : | :C | :POSIX)
            if locale -a 2>/dev/null | grep -qi '^c\.utf-\{0,1\}8$'; then lang=C.UTF-8; else lang=C; fi
            chosen=${encoding:-UTF8}
            ;;
        *:C | *:POSIX) chosen=${encoding:-UTF8} ;;
        *) chosen=$encoding ;;
    esac
    printf '%s' "--locale=$lang ${chosen:+--encoding=$chosen}"
}

# The files that the server finds elsewhere are written there by later steps.
config_elsewhere() {
    config_inside || (cd "$staging/data" && as_service_user rm -f postgresql.conf pg_hba.conf pg_ident.conf)
}

main() {
    vacant "$data_directory" || refused "an empty or missing $data_directory" "something in it"
    for file in postgresql.conf pg_hba.conf; do
        if ! config_inside && [ -e "$config_directory/$file" ]; then
            refused "no $file in $config_directory" "one that is left of an older cluster"
        fi
    done
    settle
    register
    own_mount "$data_directory"
    system_id='' tablespaces=''
    new_staging initdb
    make_wal
    # Options are words without blanks.
    # shellcheck disable=SC2046,SC2086
    (cd / && as_service_user "$bindir/initdb" -D "$staging/data" ${wal_apart:+-X "$wal_apart"} -U "$service_user" --auth=peer --auth-host=reject $(locale_options) $options) >&2 ||
        fail "cannot create the database cluster: initdb failed"
    config_elsewhere
    sync
    parts_in "$staging/data" ''
    put_in "$staging/data" "$data_directory" '*' || fail "cannot give the database cluster in $staging its place, $data_directory"
    remember
    sync
    remove "$staging"
    label_data
    ok
}
