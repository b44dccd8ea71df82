# Debian's own switch, start.conf, decides whether a cluster is started; "disabled" refuses it to everybody.
fence() {
    put "$config_directory/start.conf" 'disabled
'
    as_service_user chmod 644 "$config_directory/start.conf"
    as_service_user sync "$config_directory/start.conf"
    systemctl daemon-reload 2>/dev/null || :
}
unfence() {
    put "$config_directory/start.conf" 'auto
'
    as_service_user chmod 644 "$config_directory/start.conf"
    systemctl enable --quiet postgresql.service 2>/dev/null || :
    systemctl daemon-reload 2>/dev/null || :
}
