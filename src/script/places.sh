# shellcheck shell=sh
# Where what belongs to an instance lies: its data directory, its WAL directory, its tablespaces. Such a place is a path that
# stays; what is made for it or set aside from it lies beside it under a name of pgrepl's. Beside a place that is a mount point,
# or that a link leads to, is in it: in a directory whose name base backups and pg_rewind leave out as temporary files.
# In: data_directory cluster service_user, and where known wal_place tablespaces tablespace_places

# All mount points, as the kernel writes them.
points_now() { cut -d ' ' -f 5 /proc/self/mountinfo; }

# Of a path that the kernel writes in another way a program is asked. Who only looks asks the kernel once: points_known
is_mount() {
    case $1 in
        *[[:space:]\\]*)
            mountpoint -q "$1" 2>/dev/null
            return
            ;;
    esac
    case "
${points_known-$(points_now)}
" in
        *"
$1
"*) return 0 ;;
        *) return 1 ;;
    esac
}

# Says whether a place cannot be renamed: fixed PLACE
fixed() {
    [ ! -L "$1" ] || return 0
    led=$(readlink -f "$1") || return 1
    is_mount "$led" || is_mount "$led/pg_wal" || is_mount "$led/pg_xlog"
}

# The path of what lies beside a place: inside PLACE NAME for one that is fixed, beside PLACE NAME for any.
inside() { printf '%s/.pgrepl/pgsql_tmp/%s\n' "$1" "$2"; }
beside() { if fixed "$1"; then inside "$1" "$2"; else printf '%s.pgrepl-%s\n' "$1" "$2"; fi; }

# The place that something lies beside, or in.
place_of() {
    case $1 in
        */.pgrepl/pgsql_tmp/*) printf '%s\n' "${1%%/.pgrepl/pgsql_tmp/*}" ;;
        *.pgrepl-failed-[0-9]*) printf '%s\n' "${1%%.pgrepl-failed-[0-9]*}" ;;
        *) printf '%s\n' "${1%%.pgrepl-[0-9]*}" ;;
    esac
}

# Says whether nothing lies in a place, of what has such a name, but what a file system or pgrepl has there, and what is mounted
# in it: vacant PLACE [NAMES]
vacant() {
    for entry in "$1"/${2:-*} "$1"/.[!.]* "$1"/..?*; do
        case ${entry##*/} in .pgrepl | lost+found) continue ;; .*) [ "${2:-*}" = '*' ] || continue ;; esac
        if [ -L "$entry" ]; then return 1; fi
        if [ -e "$entry" ]; then is_mount "$(readlink -m "$entry")" || return 1; fi
    done
}

# The mount point that a path is on.
mount_of() {
    path=$(readlink -m "$1") awk '
        { point = $5 }
        { while (match(point, /\\[0-7][0-7][0-7]/)) {
            code = substr(point, RSTART + 1, 3)
            letter = sprintf("%c", substr(code, 1, 1) * 64 + substr(code, 2, 1) * 8 + substr(code, 3, 1))
            point = substr(point, 1, RSTART - 1) letter substr(point, RSTART + 4)
        } }
        { root = point == "/" ? "" : point }
        index(ENVIRON["path"] "/", root "/") == 1 && length(point) >= length(found) { found = point }
        END { print found }' /proc/self/mountinfo
}

# What root knows of the places of an instance while it is not there: lines of `mount` TAB PATH TAB TOKEN, `wal` TAB PATH.
places_known() { printf '/var/lib/pgrepl/%s/places\n' "$cluster"; }

# The mount points of an instance's places that have nothing mounted on them, or another file system than they had.
missing_mounts() {
    known=$(places_known)
    if [ -f "$known" ]; then
        while IFS='	' read -r what path token; do
            [ "$what" = mount ] || continue
            if ! is_mount "$path"; then
                printf '%s\n' "$path"
            elif [ -n "$token" ] && vacant "$path" && [ "$(as_service_user head -n 1 "$path/.pgrepl/pgsql_tmp/token" 2>/dev/null)" != "$token" ]; then
                printf '%s\n' "$path"
            fi
        done <"$known"
    fi
    [ -r /etc/fstab ] || return 0
    while read -r _ path _; do
        case $path in /?*) ;; *) continue ;; esac
        path=$(printf '%b' "$(printf '%s' "${path%/}" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')")
        while IFS= read -r place; do
            case $place/ in
                "$path"/*)
                    is_mount "$path" || printf '%s\n' "$path"
                    break
                    ;;
            esac
        done <<-LIST
	$data_directory
	$(readlink -m "$data_directory")
	${wal_place:-/}
	${tablespace_places:-/}
	$(printf '%s' "${tablespaces:-}" | cut -f 2)
	LIST
    done </etc/fstab
}
