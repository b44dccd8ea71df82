# The file that makes an instance start as a standby or with a recovery.
# In: marker (its name) marker_text (what stands in it)

# Writes it into a data directory that no server uses, in place of every other: write_marker DIRECTORY. An instance that
# started without it would be a second primary.
write_marker() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    printf '%s' "$marker_text" | as_service_user sh -c 'umask 077
        cat >"$1/.pgrepl-marker" && { [ ! -f "$1/PG_VERSION" ] || chmod --reference="$1/PG_VERSION" "$1/.pgrepl-marker"; } && sync "$1/.pgrepl-marker" && mv -fT "$1/.pgrepl-marker" "$1/$2" || exit
        for other in standby.signal recovery.signal recovery.conf recovery.done; do
            [ "$other" = "$2" ] || rm -f "$1/$other" || exit
        done
        sync "$1"' sh "$1" "$marker" || fail "cannot write $1/$marker"
}

# Takes parameters out of the postgresql.auto.conf of a stopped instance: forget_keys FILE KEYS
forget_keys() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'umask 077 && awk -v keys=" $2 " "{ name = tolower(\$1); sub(\"=.*\", \"\", name) } index(keys, \" \" name \" \") == 0" "$1" >"$1.new" && chmod --reference="$1" "$1.new" && mv -fT "$1.new" "$1"' \
        sh "$1" "$2" || fail "cannot write $1: no space left"
}

# A data directory has the modes of what is in it, with a group that may read or without: as_found DIRECTORY
as_found() { as_service_user chmod --reference="$1/base" "$1" || fail "cannot change the mode of $1"; }
