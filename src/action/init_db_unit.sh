# Creates an empty instance where there is none, as the packages of the platform do.
# In: checksums (yes or no)

# A locale of UTF-8: the host's own, else one that sorts by bytes.
options() {
    lang=$(sed -n 's/^LANG=//p' /etc/locale.conf /etc/default/locale 2>/dev/null | tr -d '"' | head -n 1)
    case $lang in
        '' | C | POSIX) if locale -a 2>/dev/null | grep -qi '^c\.utf-\{0,1\}8$'; then lang=C.UTF-8; else lang=C; fi ;;
    esac
    printf '%s' "--locale=$lang --encoding=UTF8"
    [ "$checksums" != yes ] || printf ' --data-checksums'
}

with_setup() {
    setup=
    # That of 9.6 is named without the dot.
    for setup in "$bindir/postgresql-$major-setup" "$bindir/postgresql$(printf '%s' "$major" | tr -d .)-setup"; do
        [ ! -x "$setup" ] || break
    done
    (cd / && PGSETUP_INITDB_OPTIONS=$(options) "$setup" initdb) >&2 || {
        tail -n 10 "$home/$major/initdb.log" >&2 || :
        fail "cannot create the database cluster: $setup initdb failed"
    }
}

by_hand() {
    if [ -d "$data_directory" ]; then chown -h "$service_user:$service_user" "$data_directory"; else own_directory "$data_directory"; fi
    as_service_user chmod 700 "$data_directory"
    # The options are words without blanks.
    # shellcheck disable=SC2046
    (cd / && as_service_user "$bindir/initdb" -D "$data_directory" -U "$service_user" --auth=peer --auth-host=reject $(options)) >&2 ||
        fail "cannot create the database cluster: initdb failed"
    if ! config_inside; then
        for file in postgresql.conf pg_hba.conf pg_ident.conf; do
            mv "$data_directory/$file" "$config_directory/$file" || fail "cannot move $file to $config_directory"
        done
    fi
}

main() {
    if [ -e "$data_directory" ] && [ -n "$(ls -A "$data_directory")" ]; then
        refused "an empty or missing $data_directory" "something in it"
    fi
    if ! config_inside && [ -n "$(ls -A "$config_directory" 2>/dev/null)" ]; then
        refused "no configuration in $config_directory" "files in it, left of an older cluster"
    fi
    make_places
    unfence
    if [ "$family" = rhel ]; then with_setup; else by_hand; fi
    [ -f "$data_directory/PG_VERSION" ] || fail "the database cluster was not created in $data_directory"
    label_data
    config_inside || label "$config_directory"
    ok
}
