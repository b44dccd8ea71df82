# Keeps packages as they are, for every program but pgrepl, or gives those free again that it holds.
# In: verb (hold, free) packages (names, separated by blanks)
record=/var/lib/pgrepl/$cluster/held
# What restarts servers on its own when a library was replaced below them, needrestart(1), leaves this one alone meanwhile.
restarts=/etc/needrestart/conf.d
quiet=$restarts/pgrepl-$cluster.conf

keep_running() {
    if [ -z "$unit" ] || [ ! -d "$restarts" ]; then return 0; fi
    put_root "$quiet" 644 "# An update by pgrepl is under way, and restarts the server itself; this file goes with its end.
\$nrconf{override_rc}->{qr(^\\Q\${\\q($unit)}\\E(\\.service)?\\z)} = 0;
"
}

held_now() {
    case $manager in
        apt-get) apt-mark showhold ;;
        *)
            locks=$("$manager" -q versionlock list 2>/dev/null </dev/null) || return
            printf '%s\n' "$locks" | sed -n 's/^\([^ ]*\)-[0-9]*:.*$/\1/p'
            ;;
    esac
}
change() { # hold or free, NAMES
    what=$1
    shift
    case $manager:$what in
        apt-get:hold) patiently apt-mark hold "$@" ;;
        apt-get:free) patiently apt-mark unhold "$@" ;;
        *:hold) patiently "$manager" -q versionlock add "$@" ;;
        *:free) patiently "$manager" -q versionlock delete "$@" ;;
    esac
}

# What is held here, and on a line of its own what its owner holds.
write_record() {
    printf '%s\n' "$1" "$2" >"$record.new"
    mv "$record.new" "$record" || fail "cannot write $record"
    keep_running
}

main() {
    case $verb in
        hold)
            if [ -f "$record" ]; then
                already
                return
            fi
            mkdir -p "${record%/*}"
            # What its owner holds is not ours to give free: where that cannot be told, nothing is held.
            held=$(held_now) || {
                write_record '' ''
                advice=
                [ "$manager" != dnf ] || advice=', without its package python3-dnf-plugin-versionlock'
                note "packages are not held, and what else installs packages here may restart the server meanwhile: what is held already cannot be told$advice"
                ok
                return
            }
            own='' theirs=''
            for name in $packages; do
                if printf '%s\n' "$held" | grep -qxF -- "$name"; then theirs="$theirs $name"; else own="$own $name"; fi
            done
            # It is there before the first one is held, so that nothing stays held.
            write_record "$own" "$theirs"
            # shellcheck disable=SC2086
            [ -z "$own" ] || change hold $own || {
                note "packages are not held, and what else installs packages here may restart the server meanwhile: $(why)"
                write_record '' "$theirs"
            }
            ;;
        free)
            if [ ! -f "$record" ]; then
                already
                return
            fi
            own='' theirs=''
            { read -r own && read -r theirs; } <"$record" || :
            # shellcheck disable=SC2086
            [ -z "$own" ] || change free $own || note "packages may still be held: $(why)"
            # They are held in the version that is installed now.
            # shellcheck disable=SC2086
            [ -z "$theirs" ] || { change free $theirs && change hold $theirs; } || note "packages may not be held as before:$theirs: $(why)"
            rm -f "$quiet" "$record"
            ;;
    esac
    ok
}
