# Makes a cluster known to the service manager before its data arrives.
put_new() {
    if [ ! -e "$config_directory/$1" ]; then
        put "$config_directory/$1" "$2"
        as_service_user chmod "$3" "$config_directory/$1"
    fi
}
register() {
    for directory in "${config_directory%/*}" "$config_directory" "$config_directory/conf.d" "${data_directory%/*}"; do
        if [ ! -d "$directory" ]; then
            make_way "${directory%/*}"
            own_directory "$directory"
            as_service_user chmod 755 "$directory"
        fi
    done
    put_new start.conf "auto
" 644
    put_new environment '' 644
    put_new pg_ctl.conf "pg_ctl_options = ''
" 644
    put_new pg_ident.conf "# MAPNAME  SYSTEM-USERNAME  PG-USERNAME
" 640
    systemctl daemon-reload 2>/dev/null || :
}
