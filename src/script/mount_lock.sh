# shellcheck shell=sh
# One job at a time on the mount, whatever host it runs on. The lock is a directory whose file names its owner and is
# touched while it is held. It is made whole aside and gets its name by a rename, which never goes onto a directory that
# is not empty. Whoever ends it, its owner or who finds it left over, renames it to its number, where it stays for a day:
# so only one can, and a slow one that had judged it cannot end the next one in its place.
# In: top node, and as_owner (a function that runs a program as the owner of the archive)

# The process that holds it, in a form that no later process has.
own_process() { printf '%s %s %s' "$1" "$(cut -d ' ' -f 22 "/proc/$1/stat" 2>/dev/null)" "$(cat /proc/sys/kernel/random/boot_id)"; }

read_lock() { IFS='	' read -r lock_number lock_host lock_process lock_what lock_since 2>/dev/null <"$top/lock/owner"; }

# Seconds since its owner was seen, by the clock of the mount: those of hosts may differ.
lock_age() {
    as_owner touch "$lock_mine/owner" 2>/dev/null || return 1
    lock_seen=$(stat -c %Y "$top/lock/owner" 2>/dev/null) || return 1
    echo "$(($(stat -c %Y "$lock_mine/owner") - lock_seen))"
}

# A lock is left over when its process is gone from this host, or when its host has been silent for ten minutes.
lock_is_left() {
    read_lock 2>/dev/null || return 1
    if [ "$lock_host" = "$node" ]; then
        [ "$(own_process "${lock_process%% *}")" != "$lock_process" ]
    else
        lock_silent=$(lock_age) && [ "$lock_silent" -gt 600 ]
    fi
}

end_lock() { as_owner mv -fT "$top/lock" "$top/.locks/$1" 2>/dev/null; }

lock_owner() {
    if read_lock 2>/dev/null; then
        echo "$lock_what on $lock_host since $lock_since UTC, seen $(lock_age || echo '?') s ago; ten minutes after its host was seen last it is free by itself"
    else
        echo "somebody who does not say who, or it cannot be written: $top/lock"
    fi
}

holds_lock() { grep -qsxF "$lock_said" "$top/lock/owner"; }

# lock_mount WHAT SECONDS: waits that long for another owner; without success `why` tells what the mount is or who has it.
lock_mount() {
    # A shell that a signal kills, as one does that has nobody left to tell something, does not end the lock in its EXIT trap.
    trap 'exit 129' HUP
    trap 'exit 141' PIPE
    trap 'exit 143' TERM
    until=$(($(date +%s) + $2))
    # Where a script runs in a shell of its own, that is the one that works.
    lock_holder=$(exec sh -c 'echo "$PPID"')
    lock_own=$(cat /proc/sys/kernel/random/uuid)
    lock_mine=$top/.locks/$lock_own.new
    lock_said="$lock_own	$node	$(own_process "$lock_holder")	$1	$(date -u '+%Y-%m-%d %H:%M:%S')"
    # A mount without a free byte has room for what removes backups: the spare is written over.
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    as_owner sh -c 'umask 077
        if ! { mkdir -p "$1/$2.new" && printf "%s\n" "$3" >"$1/$2.new/owner"; }; then
            rm -rf "$1/$2.new"
            mv -T "$1/spare" "$1/$2.new" && printf "%s\n" "$3" 1<>"$1/$2.new/owner" || exit
        fi
        find "$1" -mindepth 1 -maxdepth 1 ! -name spare -cmin +1440 -exec rm -rf {} +
        [ -d "$1/spare" ] || { mkdir "$1/$2.spare" && echo spare >"$1/$2.spare/owner" && mv -T "$1/$2.spare" "$1/spare"; } || rm -rf "$1/$2.spare"' \
        sh "$top/.locks" "$lock_own" "$lock_said" 2>/dev/null || {
        why="cannot be written: $top"
        return 1
    }
    # What failed may have been done all the same: a file server was asked twice.
    until as_owner mv -fT "$lock_mine" "$top/lock" 2>/dev/null || holds_lock; do
        if lock_is_left && end_lock "$lock_number"; then continue; fi
        if [ "$(date +%s)" -ge "$until" ]; then
            why="is taken by $(lock_owner)"
            as_owner rm -rf "$lock_mine"
            return 1
        fi
        sleep 1
    done
    (
        exec >/dev/null 2>&1 7>&-
        while [ -d "/proc/$lock_holder" ]; do
            # Silent for too long, it was taken for dead: two must not work at the same time.
            if [ -e "$top/.locks/$lock_own" ]; then
                kill "$lock_holder"
                exit
            fi
            as_owner touch -c "$top/lock/owner" || :
            turns=0
            while [ -d "/proc/$lock_holder" ] && [ "$turns" -lt 30 ]; do
                sleep 1
                turns=$((turns + 1))
            done
        done
    ) &
    toucher=$!
}

unlock_mount() {
    kill "$toucher" 2>/dev/null || :
    if holds_lock; then end_lock "$lock_own" || :; fi
}
