# Starts, restarts, reloads or enables the server.
# In: verb (start, restart, reload, settle, enable); for restart and reload: config (postgresql.conf)
# The service manager is asked and then not waited for: Debian's unit waits for ever for a server that died
# while it started, and two seconds too long for one that lives. Only the server's own answer counts.

manager_works() {
    worker=$(systemctl show -p ControlPID --value "$unit" 2>/dev/null) || worker=0
    [ "${worker:-0}" != 0 ]
}
manager_rests() { ! manager_works; }

# One life of the postmaster: its process and when it began.
life() {
    if postmaster_pid >/dev/null; then sed -n '1p;3p' "$data_directory/postmaster.pid"; else echo none; fi
}

# Asks for a start or restart and waits for a life of the server other than the one given.
bring_up() {
    # A unit that is asked to stop while it still starts kills the server slowly instead of stopping it.
    wait_for 60 manager_rests || :
    systemctl reset-failed "$unit" 2>/dev/null || :
    systemctl --no-block "$1" "$unit" >&2 || :
    patience=$(($(date +%s) + 600))
    idle=0
    until now_lives=$(life) && [ "$now_lives" != none ] && [ "$now_lives" != "$2" ] && accepts_connections; do
        if postmaster_pid >/dev/null; then
            idle=0
            [ "$(date +%s)" -lt "$patience" ] || fail "the server runs, but did not accept connections within 600 s"
        elif manager_works; then
            idle=0
        else
            # Between its processes the service manager takes a moment.
            idle=$((idle + 1))
            [ "$idle" -lt 20 ] || return 1
        fi
        sleep 0.1
    done
}

# Ends what is left of a start that came to nothing, so that the next one is not queued behind it.
forget_start() {
    systemctl --no-block stop "$unit" 2>/dev/null || :
    wait_for 30 manager_rests || :
    systemctl reset-failed "$unit" 2>/dev/null || :
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
            bring_up start none || {
                log_tail
                forget_start
                fail "the server did not start"
            }
            ok
            ;;
        restart)
            if ! bring_up restart "$(life)"; then
                log_tail
                forget_start
                if put_back; then
                    bring_up start none ||
                        fail "the server did not start, neither with the new configuration nor with the old one"
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
        settle)
            wait_for 30 manager_rests || :
            already
            ;;
        enable)
            printf 'auto\n' >"$config_directory/start.conf"
            systemctl enable --quiet postgresql.service 2>/dev/null || :
            systemctl daemon-reload 2>/dev/null || :
            ok
            ;;
    esac
}
