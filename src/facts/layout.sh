# shellcheck shell=sh
# How a data directory lies on its host, as far as a rename of it or of what belongs to it is concerned.
# In: real (where the data directory leads) wal_directory data_directory

# Asks no program: what the kernel tells is enough, except for a path that it writes in another way.
is_mount() {
    case $1 in
        *[[:space:]\\]*)
            mountpoint -q "$1" 2>/dev/null
            return
            ;;
    esac
    while read -r _ _ _ _ point _; do
        if [ "$point" = "$1" ]; then return 0; fi
    done </proc/self/mountinfo
    return 1
}

read_layout() {
    if is_mount "$real"; then fact data_is_mount yes; fi
    # What is above it may be a link: the data directory and what is made beside it are behind the same one.
    if [ -L "$data_directory" ]; then fact data_link "$real"; fi
    near=${data_directory%/*}
    if [ -d "$near" ] && [ ! -w "$near" ]; then fact data_parent_closed yes; fi
    # Root's, below what is not: a file system that was mounted there, mostly. Asked further where the shell sees that.
    if [ -O "$near" ]; then
        above=$near
        while [ -n "$above" ] && [ -O "$above" ]; do above=${above%/*}; done
        if [ -n "$above" ] && is_his "$near" && ! as_service_user test -w "$near"; then fact data_parent_between yes; fi
    fi
    if [ ! -L "$real/$wal_directory" ] && is_mount "$real/$wal_directory"; then fact wal_is_mount yes; fi
    for space in "$real"/pg_tblspc/*; do
        if [ -L "$space" ]; then
            path=$(readlink -f "$space")
            written=$(readlink "$space")
            if is_mount "$path"; then fact tablespace_is_mount "$path"; fi
            if [ "${written%/}" != "$path" ]; then fact tablespace_link "$written" "$path"; fi
        fi
    done
}
