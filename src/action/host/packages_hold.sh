# Keeps packages as they are, for every program but pgrepl, or gives those free again that it holds.
# In: verb (hold, free) packages (names, separated by blanks)
record=/var/lib/pgrepl/$cluster/held

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
        apt-get:hold) run apt-mark hold "$@" ;;
        apt-get:free) run apt-mark unhold "$@" ;;
        *:hold) run "$manager" -q versionlock add "$@" ;;
        *:free) run "$manager" -q versionlock delete "$@" ;;
    esac
}

write_record() {
    printf '%s\n' "$1" >"$record.new"
    mv "$record.new" "$record" || fail "cannot write $record"
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
                write_record ''
                note "packages are not held, and what else installs packages here may restart the server meanwhile: what is held already cannot be told"
                ok
                return
            }
            own=
            for name in $packages; do
                printf '%s\n' "$held" | grep -qxF -- "$name" || own="$own $name"
            done
            # It is there before the first one is held, so that nothing stays held.
            write_record "$own"
            # shellcheck disable=SC2086
            [ -z "$own" ] || change hold $own || {
                note "packages are not held, and what else installs packages here may restart the server meanwhile: $(why)"
                write_record ''
            }
            ;;
        free)
            if [ ! -f "$record" ]; then
                already
                return
            fi
            read -r own <"$record" || own=
            # shellcheck disable=SC2086
            [ -z "$own" ] || change free $own || note "packages may still be held: $(why)"
            rm -f "$record"
            ;;
    esac
    ok
}
