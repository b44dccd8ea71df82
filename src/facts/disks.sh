# shellcheck shell=sh
# The file systems where something of PostgreSQL lies, those where the inventory puts tablespaces, and all others.
# In: real wal_link spaces (what read_data found: paths, one a line) tablespace_places (of the inventory, likewise)

# The directory that a path, or what is missing of it, would be made in.
nearest() {
    near=$1
    while [ ! -d "$near" ]; do
        near=${near%/*}
        near=${near:-/}
    done
}

read_file_systems() {
    uses='disk data'
    nearest "$real"
    set -- "$near"
    if [ -n "$wal_link" ]; then
        uses="$uses
disk wal"
        nearest "$wal_link"
        set -- "$@" "$near"
    fi
    # A here-document, so that the loop is not a shell of its own.
    kind=disk
    while IFS= read -r path; do
        if [ -z "$path" ]; then
            kind=file_system
        else
            uses="$uses
$kind $path"
            nearest "$path"
            set -- "$@" "$near"
        fi
    done <<-LIST
	$spaces
	$tablespace_places
	LIST
    # One line for each, in this order; then every mount point. A dead network mount blocks whoever looks at it.
    {
        timeout 5 df -B1 --output=size,avail,source,target -- "$@" || :
        echo all
        timeout 5 df -a -l -x autofs -B1 --output=size,avail,source,target || :
    } 2>/dev/null | uses=$uses awk "$awk_fact"'
        BEGIN { split(ENVIRON["uses"], use, "\n") }
        $0 == "all" { all = 1; next }
        $1 == "1B-blocks" { next }
        { told = all ? "file_system " : use[++n] }
        $1 !~ /^[1-9][0-9]*$/ || $2 !~ /^[0-9]+$/ { next }
        {
            size = $1; free = $2; device = $3
            sub(/^ *[^ ]+ +[^ ]+ +[^ ]+ +/, "")
            if (all && $0 ~ /^\/(proc|sys|dev|run)(\/|$)/) next
            key = told
            sub(/ .*/, "", key)
            column(substr(told, length(key) + 2)); column($0); column(size); column(free)
            fact(key, device)
        }' >&7
}
