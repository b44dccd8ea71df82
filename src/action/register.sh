# Makes a cluster known to the service manager before its data arrives.
put() {
    if [ ! -e "$config_directory/$1" ]; then
        printf '%s' "$2" >"$config_directory/$1"
        chown "$service_user:$service_user" "$config_directory/$1"
        chmod "$3" "$config_directory/$1"
    fi
}
main() {
    for directory in "${config_directory%/*}" "$config_directory" "$config_directory/conf.d" "${data_directory%/*}"; do
        if [ ! -d "$directory" ]; then
            mkdir -p "$directory"
            chmod 755 "$directory"
            chown "$service_user:$service_user" "$directory"
        fi
    done
    put start.conf "auto
" 644
    put environment '' 644
    put pg_ctl.conf "pg_ctl_options = ''
" 644
    put pg_ident.conf "# MAPNAME  SYSTEM-USERNAME  PG-USERNAME
" 640
    systemctl daemon-reload 2>/dev/null || :
    ok
}
