# Removes a copy that was restored beside the cluster, with its server, its tablespaces and what a restore that was cut left.
# What it is known by goes last: cut off anywhere, it is found again and goes on.
# In: directory staging system_id (nothing where nobody knows it) mark (how the configuration of a copy of ours begins) copy_unit
#     recover_unit fetch_unit hold (its mark on the mount, or nothing)

is_ours() {
    case $(as_service_user head -c 1000 "$directory/postgresql.conf" 2>/dev/null | sed -n 1p) in "$mark"*) return 0 ;; *) return 1 ;; esac
}

staging_is_ours() {
    [ -n "$(ls -A "$staging")" ] || return 0
    case $(as_service_user head -c 1000 "$staging/source" 2>/dev/null | sed -n 1p) in '' | 'copy of backup '*) ;; *) return 1 ;; esac
    [ "$(as_service_user head -c 1000 "$staging/system_id" 2>/dev/null)" = "$system_id" ]
}

# Removes what is in a directory but for one name: empty_but NAME DIRECTORY
empty_but() { (cd / && as_service_user find "$2" -mindepth 1 -maxdepth 1 ! -name "$1" -exec rm -rf {} +) || fail "cannot remove what is in $2"; }

drop_tablespaces() {
    left=
    for place in "$directory.tablespaces"/[0-9]*; do
        [ -d "$place" ] || continue
        (cd / && as_service_user find "$place" -mindepth 1 -maxdepth 1 -name 'PG_*' -exec rm -rf {} +) || fail "cannot remove what is in $place"
        by_owner "$directory.tablespaces" rmdir "$place" 2>/dev/null || :
    done
    [ ! -d "$directory.tablespaces" ] || by_owner "${directory%/*}" rmdir "$directory.tablespaces" 2>/dev/null ||
        left="what is left in $directory.tablespaces was not the copy's"
}

# Stops whatever is at work there.
end_units() {
    for one in "$fetch_unit" "$recover_unit" "$copy_unit"; do
        systemctl stop "$one" 2>/dev/null || :
        systemctl reset-failed "$one" 2>/dev/null || :
        ! unit_active "$one" || fail "$one does not stop"
    done
}

main() {
    [ -e "$staging" ] || [ -n "$(ls -A "$directory" 2>/dev/null)" ] || is_known_copy || {
        already
        return
    }
    [ -z "$(ls -A "$directory" 2>/dev/null)" ] || is_ours || refused "a copy of cluster $cluster in $directory" "something else"
    [ ! -e "$staging" ] || staging_is_ours || refused "$staging missing or what a restore beside the cluster left" "something else"
    end_units
    # The other end of a run that was killed ends when its unit has.
    mkdir -p /run/pgrepl
    exec 8>>"/run/pgrepl/$cluster.copy"
    flock -w 60 8 || fail "another restore beside the cluster runs on $node"
    end_units
    if alive=$(data_directory=$directory postmaster_pid); then
        refused "no server in $directory that pgrepl did not start" "process $alive"
    fi
    drop_tablespaces
    if [ -e "$staging" ]; then
        empty_but system_id "$staging"
        remove "$staging" || fail "cannot remove $staging"
    fi
    if is_ours; then
        empty_but postgresql.conf "$directory"
        remove "$directory" || fail "cannot remove $directory"
    elif [ -d "$directory" ]; then
        # Cut off between its last file and itself.
        by_owner "${directory%/*}" rmdir "$directory" 2>/dev/null || :
    fi
    if [ -n "$hold" ]; then within 10 rm -f "$hold" || note "cannot remove $hold: the next timer of backups does"; fi
    forget_copy
    ok "$left"
}
