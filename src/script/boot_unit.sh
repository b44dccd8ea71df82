# A systemd unit that is the server's own, or commands in place of one.
drop_ins=/etc/systemd/system/$unit.d

put_drop_in() {
    (umask 022 && mkdir -p "$drop_ins" && printf '%s\n' "$2" >"$drop_ins/$1") || fail "cannot write $drop_ins/$1"
    sync "$drop_ins/$1"
    systemctl daemon-reload
}

# The packages' unit names the data directory: another one is told to it in a drop-in.
point_unit() {
    [ "$keeper" = packaged_unit ] || return 0
    [ "$(unit_data)" != "$data_directory" ] || return 0
    put_drop_in pgrepl-data.conf "[Service]
Environment=\"PGDATA=$(printf '%s' "$data_directory" | sed 's/["\\]/\\&/g; s/%/%%/g')\""
    [ "$(unit_data)" = "$data_directory" ] || fail "cannot make $unit use $data_directory: it goes on with $(unit_data)"
}

# A unit that lies below /etc cannot be masked; a drop-in refuses its start wherever it lies, and says why.
fence() {
    if [ -z "$unit" ]; then
        note "there is no unit that could be disabled: make sure that nothing runs $start_command"
        return
    fi
    systemctl disable --quiet "$unit" 2>/dev/null || :
    put_drop_in pgrepl-fenced.conf "# Another server took over: pgrepl rebuild or pgrepl apply brings this one back and removes this file.
[Unit]
RefuseManualStart=yes
ConditionPathExists=!/"
}

unfence() {
    [ -n "$unit" ] || return 0
    if [ -e "$drop_ins/pgrepl-fenced.conf" ]; then
        rm -f "$drop_ins/pgrepl-fenced.conf"
        systemctl daemon-reload
    fi
    case $(systemctl show -p LoadState "$unit") in
        *=masked) systemctl unmask --quiet "$unit" ;;
        *=not-found) fail "there is no unit $unit" ;;
    esac
    point_unit
    # A unit without an [Install] section is started by something else.
    systemctl enable --quiet "$unit" || [ "$(systemctl is-enabled "$unit")" = static ] || fail "cannot enable $unit"
}

# The directories that a server is put into.
make_places() {
    for place in "${data_directory%/*}" "$config_directory"; do
        if [ ! -d "$place" ] && [ "$place" != "$data_directory" ]; then
            make_way "${place%/*}"
            own_directory "$place"
            as_service_user chmod 755 "$place"
            label "$place"
        fi
    done
}
