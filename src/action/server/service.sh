# Starts, restarts, reloads or enables the server.
# In: verb (start, restart, reload, settle, enable, disable); for restart and reload: config (postgresql.conf, where it was written)

# One life of the postmaster: its process and when it began.
life() {
    if postmaster_pid >/dev/null; then sed -n '1p;3p' "$data_directory/postmaster.pid"; else echo none; fi
}

# Asks for a start or restart and waits for a life of the server other than the one given.
bring_up() {
    begin_start "$1"
    patience=$(($(date +%s) + 600))
    until now_lives=$(life) && [ "$now_lives" != none ] && [ "$now_lives" != "$2" ] && accepts_connections; do
        start_goes_on || return 1
        [ "$(date +%s)" -lt "$patience" ] || fail "the server did not accept connections within 600 s"
        sleep 0.1
    done
    end_watch
    end_start_script
}

put_back() {
    if [ -n "$config" ] && [ -f "$config.pgrepl-previous" ]; then move "$config.pgrepl-previous" "$config"; else return 1; fi
}

loaded_at() { sql 'select extract(epoch from pg_conf_load_time())'; }
# A parameter of the postmaster that left the file waits for a restart; that, too, is told as an error, without a name.
load_errors() {
    sql "select coalesce(sourcefile, '') || ':' || coalesce(sourceline::text, '') || ' ' || coalesce(name, '') || ': ' || error
         from pg_file_settings f where error is not null
         and not exists (select from pg_settings s where lower(s.name) = lower(f.name) and s.context in ('postmaster', 'internal'))
         and error not like '%cannot be changed without restarting the server'"
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
        disable)
            fence
            ok
            ;;
        enable)
            unfence
            ok
            ;;
    esac
}
