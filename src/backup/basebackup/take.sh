# Takes a base backup onto the mount, as a transient unit that outlives this connection; whole, it gets its name.
# In: finish (the function of finish.sh) top run (its name) depth backup_unit program (what the unit runs) wal_method compress

# What earlier runs began on this host: one that goes on is joined, as is this run's own; one that is whole gets its name and
# was taken before this run asked, so it is not this run's; what is left of others goes.
adopt() {
    active=no
    if unit_active "$backup_unit"; then active=yes; fi
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    left=$(as_service_user sh -c "$finish"'
        top=$1 node=$2 own=$3 active=$4
        for begun in "$top"/base/*.inprogress; do
            [ "$(cat "$begun/host" 2>/dev/null)" = "$node" ] || continue
            id=${begun##*/}
            id=${id%.inprogress}
            if [ "$id" = "$own" ] && [ -f "$begun/complete" ]; then
                echo "joins $id"
            elif [ -f "$begun/complete" ]; then
                finish_backup || exit
                echo "named $id"
            elif [ "$active" = yes ]; then
                echo "joins $id"
            else
                rm -rf "$begun" || exit
            fi
        done' sh "$top" "$node" "$id" "$active") || fail "cannot put $top/base in order"
    joins=
    while read -r what other; do
        case $what in
            joins)
                joins=yes id=$other
                note "joined the backup $id that was begun before"
                ;;
            named) note "backup $other, which was begun before, is whole: this is another one" ;;
        esac
    done <<-LIST
	$left
	LIST
}

begin() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user timeout 30 sh -c 'mkdir "$1" && printf "%s\n" "$2" >"$1/host" && : >"$1/log"' sh "$work" "$node" || fail "cannot write to $top/base"
    writable=$top
    systemctl reset-failed "$backup_unit" 2>/dev/null || :
    # The program comes in a variable: in an argument systemd would expand what looks like one of its own.
    # shellcheck disable=SC2016 # expanded by the shell of the unit
    start_unit "$backup_unit" --setenv=program="$program" \
        --setenv=top="$top" --setenv=id="$id" --setenv=node="$node" --setenv=depth="$depth" --setenv=major="$major" --setenv=clients="$clients" \
        --setenv=port="$port" --setenv=socket_directory="$socket_directory" --setenv=wal_method="$wal_method" --setenv=compress="$compress" \
        /bin/sh -c 'eval "$program"' >&2 || fail "cannot start the backup"
}

main() {
    check_owner
    id=$run
    adopt
    work=$top/base/$id.inprogress
    [ -n "$joins" ] || begin
    follow "$backup_unit" "$work/complete" "$work/log" || {
        why=$(last_words "$work/log" | awk '$2 != "kB" && NF { last = $0 } /error:|FATAL|taken by/ { why = $0 } END { print why != "" ? why : last }')
        as_service_user rm -rf "$work"
        fail "the backup failed: $why"
    }
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c "$finish"'top=$1 id=$2 && finish_backup' sh "$top" "$id" || fail "cannot give its name to a backup that is whole: $work"
    ok "$id"
}
