# shellcheck shell=sh
# What belongs to an instance leaves its places and comes to them: one rename for a place that can be renamed, else one for
# each thing in it. What is cut off in the middle of these is all in the directory beside the place for whoever comes next:
# the file `moving` names that. PG_VERSION is what leaves first and comes last: a data directory that has it is whole.
# In: as places.sh, and major

# Moves what is in one directory to another, as the service user: carry out|in FROM TO NAMES (a pattern; all: *) WAL-NAME
carry() {
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_service_user sh -c 'way=$1 from=$2 to=$3 names=$4 wal=$5
        there() { [ -e "$1" ] || [ -L "$1" ]; }
        mounted() { [ ! -L "$1" ] && mountpoint -q "$1"; }
        all() {
            for entry in "$1"/$3 "$1"/.[!.]* "$1"/..?*; do
                case $way/${entry##*/} in */.pgrepl | */lost+found | in/PG_VERSION | in/global) continue ;; esac
                case $3/${entry##*/} in [!*]*/.*) continue ;; esac
                one "$1" "$2" "${entry##*/}" || return
            done
        }
        one() {
            there "$1/$3" || return 0
            if mounted "$1/$3"; then
                wal_out "$1/$3" "$2/$3"
            elif mounted "$2/$3"; then
                wal_in "$1/$3" "$2/$3"
            elif there "$2/$3"; then
                echo "$2/$3 is there already" >&2
                return 1
            else
                mv -T "$1/$3" "$2/$3" || return
            fi
        }
        # What came along of another server, and is empty.
        empty() { rmdir "$1/.pgrepl/pgsql_tmp" "$1/.pgrepl" "$1/lost+found" 2>/dev/null || :; rmdir "$1"; }
        # WAL on a mount point in the data directory stays on its file system: a link says where it is.
        wal_out() {
            [ -L "$2" ] || ln -s "$1/.pgrepl/pgsql_tmp/$wal" "$2" || return
            apart=$(readlink "$2")
            mkdir -p "$apart" && all "$1" "$apart" "*"
        }
        wal_in() {
            apart=$(readlink "$1") || return
            if [ -d "$apart" ]; then all "$apart" "$2" "*" && empty "$apart" || return; fi
            rm "$1"
        }
        # A directory of somebody else he cannot move: nothing is begun.
        for entry in "$from"/$names; do
            case ${entry##*/} in lost+found) continue ;; esac
            if [ -d "$entry" ] && [ ! -L "$entry" ] && [ ! -O "$entry" ] && ! mounted "$entry"; then
                echo "$entry belongs to somebody else" >&2
                exit 1
            fi
        done
        if [ "$way" = out ]; then one "$from" "$to" PG_VERSION || exit; fi
        all "$from" "$to" "$names" || exit
        if [ "$way" = in ]; then one "$from" "$to" global && one "$from" "$to" PG_VERSION && sync && empty "$from"; fi' \
        sh "$1" "$2" "$3" "$4" "$5"
}

# Makes the directory in a place that cannot be renamed, for what lies beside it.
make_room() {
    for room in "$1/.pgrepl" "$1/.pgrepl/pgsql_tmp"; do
        [ -d "$room" ] || as_service_user mkdir -m 700 "$room" || fail "cannot make $room"
    done
}

# Notes that something goes from a place, or comes to it.
begin_move() {
    make_room "$1"
    put "$1/.pgrepl/pgsql_tmp/moving" "$2"
    sync
}
end_move() { as_service_user rm -f "$1/.pgrepl/pgsql_tmp/moving"; }

# Ends a move that was cut off: gather PLACE NAMES
gather() {
    apart=$(as_service_user cat "$1/.pgrepl/pgsql_tmp/moving" 2>/dev/null) || return 0
    # It was over, or had not moved anything yet.
    as_service_user rmdir "$apart" 2>/dev/null || :
    if [ -d "$apart" ] && [ ! -f "$1/PG_VERSION" ]; then
        carry out "$1" "$apart" "$2" "cut-$(date -u +%Y%m%dT%H%M%SZ)" || fail "cannot move what is in $1 to $apart"
        sync
    fi
    end_move "$1"
}

# Moves what is in a place to a directory beside it, which is not there: put_out PLACE TO NAMES WAL-NAME
put_out() {
    case $2 in "$1"/.pgrepl/*) ;; *)
        move "$1" "$2"
        return
        ;;
    esac
    begin_move "$1" "$2"
    own_directory "$2"
    as_service_user chmod --reference="$1" "$2"
    carry out "$1" "$2" "$3" "$4" || return
    sync
    end_move "$1"
}

# Moves what is in a directory beside a place to the place, which is vacant: put_in FROM PLACE NAMES
put_in() {
    case $1 in "$2"/.pgrepl/*) ;; *)
        [ ! -d "$2" ] || by_owner "${2%/*}" rmdir "$2" || fail "cannot replace $2: it is in use, or not empty"
        move "$1" "$2"
        return
        ;;
    esac
    vacant "$2" "$3" || refused "nothing in $2" "something"
    begin_move "$2" "$1"
    as_service_user chmod --reference="$1" "$2"
    carry in "$1" "$2" "$3" none || return
    end_move "$2"
}

# What a link of an instance leads to, as it is written; the place of that; and what is its own there. None is the one that says
# where WAL is which is mounted in the data directory: that comes and goes with this: read_link LINK
read_link() {
    [ -L "$1" ] || return
    there=$(readlink "$1")
    case $there in /*) ;; *) there=${1%/*}/$there ;; esac
    there=${there%/}
    place=$(place_of "$there")
    case $1 in */pg_tblspc/*) names="PG_${major}_*" ;; *) names='*' ;; esac
    [ "$place" != "$data_directory/${1##*/}" ]
}

# Moves the WAL and the tablespaces of an instance out of their places; its links follow: parts_out DATA NAME
parts_out() {
    for link in "$1"/pg_wal "$1"/pg_xlog "$1"/pg_tblspc/*; do
        read_link "$link" || continue
        gather "$place" "$names"
        # Cut between the link and the move.
        [ -d "$there" ] || there=$place
        if [ ! -d "$there" ] || [ "$there" != "$place" ]; then continue; fi
        # The link is the service user's: what is somebody else's is moved by nobody.
        [ "$(stat -L -c %U "$there")" = "$service_user" ] || fail "$there does not belong to $service_user: it cannot be set aside"
        case $link in */pg_tblspc/*) to=$(beside "$place" "$2") ;; *) to=$(inside "$place" "$2") ;; esac
        as_service_user ln -sfn "$to" "$link"
        put_out "$place" "$to" "$names" "$2" || fail "cannot set $place aside"
        # WAL that a recovery replays may make a tablespace here again.
        [ -d "$place" ] || own_directory "$place"
    done
}

# Moves them back to their places; what is in these meanwhile goes aside: parts_in DATA NAME
parts_in() {
    for link in "$1"/pg_wal "$1"/pg_xlog "$1"/pg_tblspc/*; do
        read_link "$link" || continue
        gather "$place" "$names"
        if [ "$there" != "$place" ] && [ -d "$there" ]; then
            [ "$(stat -L -c %U "$there")" = "$service_user" ] || fail "$there does not belong to $service_user: it cannot be put back"
            if ! vacant "$place" "$names"; then
                put_out "$place" "$(beside "$place" "$2")" "$names" "$2" || fail "cannot set $place aside"
            fi
            put_in "$there" "$place" "$names" || fail "cannot put $there in its place, $place"
        fi
        as_service_user ln -sfn "$place" "$link"
        as_service_user chmod --reference="$1/base" "$place" 2>/dev/null || :
    done
}

# A file system that was made for the data is root's. Where the way to it is not the service user's to choose it is given to him,
# from the directory that root stands in: own_mount PLACE
own_mount() {
    if [ -L "$1" ] || ! is_mount "$(readlink -m "$1")"; then return 0; fi
    (cd "$1" && { ! is_his "${1%/*}" || [ "$(pwd -P)" = "$1" ]; } && chown -h "$service_user:$service_user" .) ||
        fail "cannot give $1 to $service_user"
    own_lost "$1"
}

# What a file system of his keeps lost files in is root's: neither a base backup nor pg_rewind can pass it by: own_lost PLACE
own_lost() {
    (cd "$1/lost+found" 2>/dev/null && [ "$(stat -c '%U %i' .) $(stat -c %U ..)" = "root 11 $service_user" ] &&
        is_mount "$(cd .. && pwd -P)" && chown -h "$service_user:$service_user" .) || :
}

# Begins work on the data directory: what is cut off is ended, and what lies beside the place gets the names that it has there.
# A file system that is not mounted is not there to be written to: settle
settle() {
    missing=$(missing_mounts | head -n 1)
    [ -z "$missing" ] || fail "the file system of $missing is not mounted: nothing is written to the directory below it"
    gather "$data_directory" '*'
    # Set aside first is what makes it an instance: nothing starts it while its parts follow.
    if [ ! -f "$data_directory/PG_VERSION" ]; then
        for aside_before in "$(beside "$data_directory" '')"[0-9]*Z "$(beside "$data_directory" failed-)"[0-9]*Z; do
            name=${aside_before##*/}
            if [ -d "$aside_before" ]; then parts_out "$aside_before" "${name##*.pgrepl-}"; fi
        done
    fi
    fixed "$data_directory" || return 0
    own_lost "$data_directory"
    staging=$(settled "${staging:-}")
    apart_socket=$(settled "${apart_socket:-}")
    tablespaces=$(printf '%s' "${tablespaces:-}" | settled_lines)
    named=$(printf '%s\n' "${named:-}" | settled_lines)
}
settled() {
    case $1 in
        "$data_directory".pgrepl-*) inside "$data_directory" "${1#"$data_directory".pgrepl-}" ;;
        *) printf '%s\n' "$1" ;;
    esac
}
settled_lines() {
    while IFS= read -r line; do
        case $line in
            *"	$data_directory".pgrepl-*) printf '%s	%s\n' "${line%%	*}" "$(settled "${line#*	}")" ;;
            *) settled "$line" ;;
        esac
    done
}

# Keeps in mind on which mount points an instance lies, and where its WAL is, for when it is not there.
remember() {
    wal=
    places=$data_directory
    for link in "$data_directory"/pg_wal "$data_directory"/pg_xlog "$data_directory"/pg_tblspc/*; do
        if read_link "$link"; then :; elif is_mount "$(readlink -m "$link")"; then place=$link; else continue; fi
        places="$places
$place"
        case $link in */pg_tblspc/*) ;; *) wal=$place ;; esac
    done
    lines=$(printf '%s\n' "$places" | while IFS= read -r one; do
        point=$(mount_of "$one")
        [ "$point" != / ] || continue
        token=
        if [ "$point" = "$(readlink -m "$one")" ]; then token=$(token_of "$one"); fi
        printf 'mount\t%s\t%s\n' "$point" "$token"
    done | sort -u)
    [ -z "$wal" ] || lines="$lines
wal	$wal"
    known=$(places_known)
    if [ -n "$lines" ] || [ -f "$known" ]; then
        (umask 022 && mkdir -p "${known%/*}" && printf '%s\n' "$lines" >"$known.new" && mv -fT "$known.new" "$known") || fail "cannot write $known"
    fi
}

# By what the file system is known again that is mounted on a place.
token_of() {
    make_room "$1"
    as_service_user cat "$1/.pgrepl/pgsql_tmp/token" 2>/dev/null || {
        read -r token </proc/sys/kernel/random/uuid
        put "$1/.pgrepl/pgsql_tmp/token" "$token"
        printf '%s\n' "$token"
    }
}
