# Creates an empty instance where there is none.
# In: checksums (yes or no)
main() {
    if [ -e "$data_directory" ] && [ -n "$(ls -A "$data_directory")" ]; then
        refused "an empty or missing $data_directory" "something in it"
    fi
    if [ -d "$config_directory" ] && [ -n "$(ls -A "$config_directory")" ]; then
        refused "no configuration in $config_directory" "files in it, left of an older cluster"
    fi
    set -- --port "$port" --datadir "$data_directory" --start-conf auto
    lang=$(sed -n 's/^LANG=//p' /etc/default/locale 2>/dev/null | tr -d '"')
    case $lang in
        '' | C | POSIX) set -- "$@" --locale C.UTF-8 --encoding UTF8 ;;
        *) set -- "$@" --locale "$lang" ;;
    esac
    set -- "$@" "$major" "$instance" --
    [ "$checksums" != yes ] || set -- "$@" --data-checksums
    (cd / && env -u LC_ALL pg_createcluster "$@") >&2 || fail "cannot create the cluster $major/$instance"
    systemctl daemon-reload 2>/dev/null || :
    ok
}
