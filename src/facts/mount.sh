# shellcheck shell=sh
# The backup mount, looked at by the service user: a file server may give root no right at all. Where that user does not
# exist yet, what is closed to root may be open to it, and nothing is said of it.
# In: mount cluster service_user real (the data directory) tool_repository (the file below the cluster's directory that shows
#     the engine's repository, or empty) tool_directory (what there is the engine's)

# What is asked once the mount has answered, all of it in one shell.
# shellcheck disable=SC2016 # expanded by the shell it is given to
look_at_mount='
mount=$1 top=$1/$2 repository=$3 seen=$4/pgrepl.archives exists=$5 ours=$1/$2/$6
# Of a path: there, missing, or closed when that cannot be told.
state_of() {
    if [ -e "$1" ] || said=$(ls -d "$1" 2>&1); then echo there; else case $said in *"No such file"*) echo missing ;; *) echo closed ;; esac; fi
}
# Some file systems have no limit of files, and say 0 of 0.
df -B1 --output=fstype,size,avail,itotal,iavail "$mount" | awk "$awk_fact NR == 2 {
    column(\$1); column(\$2); fact(\"mount_space\", \$3)
    if (\$4 > 0) fact(\"mount_inodes\", \$5)
}" >&7
if said=$(cat "$top/.pgrepl" 2>&1); then
    fact mount_archive_of "${said%%"
"*}"
    case $said in *"
token="*) fact mount_token "${said#*"
token="}" ;; esac
else
    case $exists:$said in *"No such file"*) ;; yes:*) fact mount_closed yes ;; esac
fi
if [ -n "$repository" ]; then
    case $exists:$(state_of "$top/$repository") in
        *:missing) ;;
        *:there) fact tool_repository yes ;;
        yes:*) fact mount_closed yes ;;
    esac
fi
[ "$exists" = yes ] || exit 0
if [ -w "$mount" ]; then fact mount_writable yes; else fact mount_writable no; fi
fact mount_user "$(id -u)"
# What another engine left may go. Written by what the server calls for each WAL file (script/patience.sh).
[ -f "$seen" ] || exit 0
while read -r seen; do
    case $seen in "$ours"*) [ "$(state_of "$seen")" != missing ] || fact mount_gone "$seen" ;; esac
done <"$seen"
'

# A dead network mount blocks whoever looks at it, or gives errors that look as if nothing was mounted. What the kernel
# remembers of it proves nothing: its size is asked of the file server.
read_mount() {
    if ! has_user; then
        as_service_user() { "$@"; }
    fi
    code=0
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    within 5 sh -c 'mountpoint -q "$1" || grep -qsF " $1 " /proc/self/mountinfo || exit 9
        said=$(stat -f "$1" 2>&1) || case $said in *"Permission denied"*) exit 13 ;; *) exit 1 ;; esac' sh "$mount" || code=$?
    case $code in
        0) ;;
        9)
            fact mount missing
            return
            ;;
        13)
            fact mount mounted
            if [ "$exists" = yes ]; then fact mount_closed yes; fi
            return
            ;;
        *)
            fact mount stale
            return
            ;;
    esac
    if (cd / && as_service_user timeout 10 sh -c "$telling$look_at_mount" sh "$mount" "$cluster" "$tool_repository" "$real" "$exists" \
        "$tool_directory"); then
        fact mount mounted
    else
        fact mount stale
    fi
}
