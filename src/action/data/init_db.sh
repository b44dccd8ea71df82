# Creates an empty instance where there is none: initdb works in staging, and one rename makes what is complete the data
# directory. Half made it has a name of its own, and is begun anew.
# In: checksums (yes or no) staging

# A locale of UTF-8: the host's own, else one that sorts by bytes.
options() {
    lang=$(sed -n 's/^LANG=//p' /etc/locale.conf /etc/default/locale 2>/dev/null | tr -d '"' | head -n 1)
    case $lang in
        '' | C | POSIX)
            if locale -a 2>/dev/null | grep -qi '^c\.utf-\{0,1\}8$'; then lang=C.UTF-8; else lang=C; fi
            printf '%s' "--locale=$lang --encoding=UTF8"
            ;;
        *) printf '%s' "--locale=$lang" ;;
    esac
    [ "$checksums" != yes ] || printf ' --data-checksums'
}

# The files that the server finds elsewhere are written there by later steps.
config_elsewhere() {
    config_inside || (cd "$staging/data" && as_service_user rm -f postgresql.conf pg_hba.conf pg_ident.conf)
}

# Gives him the root of the file system that is mounted there, if it is that one which the way there leads to.
own_mount() {
    (cd "$data_directory" && mountpoint -q . && { ! is_his "${data_directory%/*}" || [ "$(pwd -P)" = "$data_directory" ]; } &&
        chown -h "$service_user:$service_user" .) || fail "cannot give $data_directory to $service_user"
}

# A mount point cannot be renamed to: there the file that makes it an instance is moved last.
move_up() {
    (cd / && as_service_user find "$staging/data" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$data_directory" {} +) ||
        fail "cannot move the database cluster from $staging to $data_directory"
    as_service_user chmod 700 "$data_directory"
    sync
    as_service_user mv -fT "$staging/data/PG_VERSION" "$data_directory/PG_VERSION" || fail "cannot move PG_VERSION to $data_directory"
}

main() {
    if [ -e "$data_directory" ] && [ -n "$(ls -A "$data_directory")" ]; then
        refused "an empty or missing $data_directory" "something in it"
    fi
    for file in postgresql.conf pg_hba.conf; do
        if ! config_inside && [ -e "$config_directory/$file" ]; then
            refused "no $file in $config_directory" "one that is left of an older cluster"
        fi
    done
    register
    on_mount=no
    if mountpoint -q "$data_directory" 2>/dev/null; then
        on_mount=yes
        own_mount
        staging=$data_directory/pgrepl-new
    fi
    system_id='' tablespaces='' named=
    new_staging initdb
    # The options are words without blanks.
    # shellcheck disable=SC2046
    (cd / && as_service_user "$bindir/initdb" -D "$staging/data" -U "$service_user" --auth=peer --auth-host=reject $(options)) >&2 ||
        fail "cannot create the database cluster: initdb failed"
    config_elsewhere
    sync
    if [ "$on_mount" = yes ]; then
        move_up
    else
        [ ! -d "$data_directory" ] || by_owner "${data_directory%/*}" rmdir "$data_directory" || fail "cannot replace $data_directory: it is in use"
        move "$staging/data" "$data_directory" || fail "cannot give the database cluster in $staging its place, $data_directory"
    fi
    sync
    remove "$staging"
    label_data
    ok
}
