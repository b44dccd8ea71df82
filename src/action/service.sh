# Starts, restarts, reloads or enables the server.
# In: verb; for restart and reload: config (postgresql.conf)

# A service manager may report success although the server died at once: only the server's answer counts.
await_server() {
    patience=$(($(date +%s) + 600))
    grace=$(($(date +%s) + 5))
    until accepts_connections; do
        now=$(date +%s)
        if ! postmaster_pid >/dev/null && [ "$now" -ge "$grace" ]; then return 1; fi
        if systemctl is-failed --quiet "$unit" 2>/dev/null && ! postmaster_pid >/dev/null; then return 1; fi
        [ "$now" -lt "$patience" ] || return 1
        sleep 0.1
    done
}

put_back() {
    if [ -f "$config.pgrepl-previous" ]; then mv -f "$config.pgrepl-previous" "$config"; else return 1; fi
}

loaded_at() { sql 'select extract(epoch from pg_conf_load_time())'; }
load_errors() {
    sql "select coalesce(sourcefile, '') || ':' || coalesce(sourceline::text, '') || ' ' || coalesce(name, '') || ': ' || error
         from pg_file_settings f where error is not null
         and not exists (select from pg_settings s where s.name = f.name and s.context in ('postmaster', 'internal'))"
}
reload() {
    before=$(loaded_at)
    sql 'select pg_reload_conf()' >/dev/null
    wait_for 10 sh_changed "$before" || fail "cannot reload: the server did not read its configuration within 10 s"
}
sh_changed() { [ "$(loaded_at)" != "$1" ]; }

main() {
    case $verb in
        start)
            if accepts_connections; then
                already
                return
            fi
            systemctl reset-failed "$unit" 2>/dev/null || :
            systemctl start "$unit" >&2 || :
            await_server || {
                log_tail
                fail "the server did not start"
            }
            ok
            ;;
        restart)
            systemctl restart "$unit" >&2 || :
            if ! await_server; then
                log_tail
                if put_back; then
                    systemctl reset-failed "$unit" 2>/dev/null || :
                    systemctl restart "$unit" >&2 || :
                    await_server || fail "the server did not start, neither with the new configuration nor with the old one"
                    fail "the server did not start with the new configuration; the old one was put back and it runs again"
                fi
                fail "the server did not start"
            fi
            ok
            ;;
        reload)
            reload
            if errors=$(load_errors) && [ -n "$errors" ]; then
                printf '%s\n' "$errors" >&2
                if put_back; then
                    reload
                    fail "the server refused the new configuration; the old one was put back"
                fi
                fail "the server refused the configuration"
            fi
            ok
            ;;
        enable)
            printf 'auto\n' >"$config_directory/start.conf"
            systemctl enable --quiet postgresql.service 2>/dev/null || :
            systemctl daemon-reload 2>/dev/null || :
            ok
            ;;
    esac
}
