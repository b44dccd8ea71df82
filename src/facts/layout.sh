# shellcheck shell=sh
# How a data directory lies on its host, as far as a rename of it or of what belongs to it is concerned.
# In: as places.sh, and real (where the data directory leads) wal_directory data_directory

read_layout() {
    if is_mount "$real"; then fact data_is_mount yes; fi
    # What is above it may be a link: the data directory and what is made beside it are behind the same one.
    if [ -L "$data_directory" ]; then
        fact data_link "$real"
        if [ ! -d "$real" ]; then fact data_closed yes; fi
    fi
    if [ -d "$real" ] && fixed "$data_directory" && has_user && ! as_service_user test -w "$real/."; then
        # One that was made for the data is given to him.
        if [ -L "$data_directory" ] || ! is_mount "$real" || ! vacant "$real"; then fact data_closed yes; fi
    fi
    if [ -d "$real/lost+found" ] && has_user && ! as_service_user test -r "$real/lost+found"; then fact lost_found_closed yes; fi
    near=${data_directory%/*}
    if [ -d "$near" ] && [ ! -w "$near" ]; then fact data_parent_closed yes; fi
    # Root's, below what is not: a file system that was mounted there, mostly. Asked further where the shell sees that.
    if [ -O "$near" ]; then
        above=$near
        while [ -n "$above" ] && [ -O "$above" ]; do above=${above%/*}; done
        if [ -n "$above" ] && is_his "$near" && ! as_service_user test -w "$near"; then fact data_parent_between yes; fi
    fi
    if [ ! -L "$real/$wal_directory" ] && is_mount "$real/$wal_directory"; then
        wal_link=$real/$wal_directory
        fact wal_is_mount yes
    fi
    if [ -L "$real/$wal_directory" ] && [ -d "$(inside "$real" wal)" ]; then fact wal_left yes; fi
    for space in "$real"/pg_tblspc/*; do
        if [ -L "$space" ]; then
            path=$(readlink -m "$space")
            written=$(readlink "$space")
            if [ "${written%/}" != "$path" ]; then fact tablespace_link "$written" "$path"; fi
        fi
    done
}
