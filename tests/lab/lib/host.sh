# shellcheck shell=bash
# One host: its disk (an overlay), its boot, its end. $H is its directory, $R the run's.

host_mount() {
    local release flavour lower
    release=$(<"$H/release") flavour=$(<"$H/flavour")
    lower=$CACHE/base-$release
    [ "$flavour" = bare ] || lower=$CACHE/$flavour-$release:$lower
    mkdir -p "$H/upper" "$H/work" "$H/root"
    mountpoint -q "$H/root" || mount -t overlay overlay -o "lowerdir=$lower,upperdir=$H/upper,workdir=$H/work" "$H/root"
    if [ -f "$H/disk" ]; then
        if [ ! -f "$H/disk.img" ]; then
            truncate -s "$(<"$H/disk")" "$H/disk.img"
            mkfs.ext4 -q -m 0 "$H/disk.img"
        fi
        mkdir -p "$H/root/var/lib/postgresql"
        mountpoint -q "$H/disk.mnt" 2>/dev/null || { mkdir -p "$H/disk.mnt" && mount -o loop "$H/disk.img" "$H/disk.mnt"; }
        chown 543:543 "$H/disk.mnt"
    fi
    local disk
    for disk in "$H"/disks/*/; do
        disk=${disk%/}
        [ -d "$disk" ] || continue
        if [ ! -f "$H/disk-${disk##*/}.img" ]; then
            truncate -s 1G "$H/disk-${disk##*/}.img"
            mkfs.ext4 -q -m 0 "$H/disk-${disk##*/}.img"
        fi
        mountpoint -q "$disk" || mount -o loop "$H/disk-${disk##*/}.img" "$disk"
    done
    host_identity
}

# Names, keys and addresses: the same after a reset, so that known_hosts stays true.
host_identity() {
    local root=$H/root user
    cp "$H"/ssh_host_ed25519_key* "$root/etc/ssh/"
    basename "$H" >"$root/etc/hostname"
    cp "$R/etc_hosts" "$root/etc/hosts"
    rm -f "$root/etc/resolv.conf"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    for user in root admin nosudo noshell; do
        local home=$root/home/$user
        [ "$user" != root ] || home=$root/root
        mkdir -p "$home/.ssh"
        cp "$R/key.pub" "$home/.ssh/authorized_keys"
        chmod 700 "$home/.ssh"
        chmod 600 "$home/.ssh/authorized_keys"
        chown -R "$(awk -F: -v u="$user" '$1 == u { print $3 ":" $4 }' "$root/etc/passwd")" "$home/.ssh"
    done
}

# Control groups of its own: hosts that were started side by side would share one tree, and the service manager of the
# one would wait for, and be confused by, units of the same name of the other.
cgroups_of() {
    local root
    for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        [ ! -f "$root/cgroup.procs" ] || echo "$root/pgrepl-lab/$1"
    done
}
cgroups_up() {
    local group
    cgroups_down "$1"
    for group in $(cgroups_of "$1"); do mkdir -p "$group"; done
}
cgroups_down() {
    local group
    for group in $(cgroups_of "$1"); do
        [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || :
    done
}

# A way of its own to the file system that all share, through a program that can be stopped: then nobody on the host gets
# an answer, as from a dead file server.
host_bindfs() {
    command -v bindfs >/dev/null ||
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends bindfs >/dev/null ||
        die "cannot install bindfs"
    mkdir "$H/mount"
    setsid bindfs -f "$R/mount" "$H/mount" >"$H/bindfs.log" 2>&1 </dev/null &
    echo $! >"$H/bindfs"
    disown
    until mountpoint -q "$H/mount"; do sleep 0.05; done
}

host_boot() {
    local host=$1 binds=() unified=()
    host_mount
    [ "$(<"$H/release")" = 11 ] || unified=(UNIFIED_CGROUP_HIERARCHY=1)
    local shared=$R/mount
    [ ! -f "$H/bindfs" ] || shared=$H/mount
    [ ! -d "$shared" ] || binds+=("--bind=$shared:/mnt/backups")
    [ ! -f "$H/disk" ] || binds+=("--bind=$H/disk.mnt:/var/lib/postgresql")
    local disk
    for disk in "$H"/disks/*/; do [ ! -d "$disk" ] || binds+=("--bind=${disk%/}:/disks/$(basename "$disk")"); done
    # The network outlives the host; a kernel that starts has no firewall.
    ip netns exec "$(<"$H/netns")" nft flush ruleset
    net_forget
    local machine
    machine=lab$(<"$R/net")-$host
    cgroups_up "$machine"
    # shellcheck disable=SC2016 # expanded by the shell it is given to
    env "${unified[@]+"${unified[@]}"}" setsid sh -c 'for procs in $1; do echo $$ >"$procs"; done; shift; exec "$@"' sh \
        "$(cgroups_of "$machine" | sed 's|$|/cgroup.procs|')" systemd-nspawn -q -D "$H/root" --boot \
        --network-namespace-path="/run/netns/$(<"$H/netns")" -M "$machine" --register=no --keep-unit \
        --kill-signal=SIGRTMIN+3 --capability=CAP_NET_ADMIN,CAP_NET_RAW "${binds[@]+"${binds[@]}"}" \
        >"$H/console" 2>&1 </dev/null &
    echo $! >"$H/pid"
    disown
}

host_wait() {
    local host=$1 address until=$((SECONDS + 60))
    address=$(<"$H/address")
    until timeout 1 bash -c "exec 3<>/dev/tcp/$address/22 && IFS= read -r -t 1 line <&3 && [[ \$line == SSH* ]]" 2>/dev/null; do
        kill -0 "$(<"$H/pid")" 2>/dev/null || die "host $host ended while booting: $(tail -n 3 "$H/console" | tr '\n' ' ')"
        [ "$SECONDS" -lt "$until" ] || die "host $host does not answer on SSH, see $H/console"
        sleep 0.1
    done
    # sshd answers before others than root may log in.
    until host_exec test ! -e /run/nologin 2>/dev/null; do
        [ "$SECONDS" -lt "$until" ] || die "host $host does not let anybody in, see $H/console"
        sleep 0.1
    done
}

# The init of a host, a child of nspawn in the first pid namespace.
host_init() {
    local pid
    pid=$(<"$H/pid") && pgrep -P "$pid" | head -n 1
}

host_exec() {
    local init
    init=$(host_init) || die "the host is not running"
    nsenter -t "$init" -m -u -i -n -p -C -r -w env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root TERM=dumb LC_ALL=C.UTF-8 "$@"
}

# An orderly end. Only SIGTERM reaches the host through its supervisor; any other signal would orphan it.
host_stop() {
    local pid init until=$((SECONDS + 20))
    [ -f "$H/pid" ] || return 0
    pid=$(<"$H/pid")
    init=$(host_init || :)
    kill -TERM "$pid" 2>/dev/null || :
    while [ -d "/proc/$pid" ] && [ "$SECONDS" -lt "$until" ]; do sleep 0.05; done
    [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || :
    kill -KILL "$pid" 2>/dev/null || :
    while [ -d "/proc/$pid" ] || { [ -n "$init" ] && [ -d "/proc/$init" ]; }; do
        [ "$SECONDS" -lt $((until + 10)) ] || break
        sleep 0.05
    done
    rm -f "$H/pid"
}

# A power cut: the death of its init takes every process of the host with it.
host_kill() {
    local pid init
    pid=$(<"$H/pid")
    init=$(host_init || :)
    [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || :
    kill -KILL "$pid" 2>/dev/null || :
    while [ -d "/proc/$pid" ] || { [ -n "$init" ] && [ -d "/proc/$init" ]; }; do sleep 0.05; done
    rm -f "$H/pid"
    # Its namespace loses the device with the last process only if nothing holds it; it is ours and stays.
}

host_discard() {
    mountpoint -q "$H/disk.mnt" 2>/dev/null && umount -l "$H/disk.mnt"
    local disk
    for disk in "$H"/disks/*/; do if mountpoint -q "$disk" 2>/dev/null; then umount -l "$disk"; fi; done
    mountpoint -q "$H/root" && umount -l "$H/root"
    rm -rf "$H/upper" "$H/work" "$H/disk.img" "$H"/disk-*.img
    cgroups_down "lab$(<"$R/net")-$(basename "$H")"
}

host_fill() {
    # Everything up to the last block; fallocate leaves no time for anyone to notice.
    host_exec sh -c 'cd "$1" && free=$(df --output=avail -B1 . | tail -n 1) && fallocate -l "$free" lab-fill 2>/dev/null || dd if=/dev/zero of=lab-fill bs=1M 2>/dev/null || :' sh "$1"
}

host_snapshot() {
    host_exec sh -c '
        cd / && find etc home root usr/local var/lib/postgresql mnt/backups -xdev \
            \( -path "*/pg_wal/*" -o -path "*/pg_stat*/*" -o -path "*/base/*" -o -path "*/global/*" -o -name "pg_internal.init" \
               -o -path "*/pg_xact/*" -o -path "*/pg_subtrans/*" -o -path "*/pg_replslot/*" -o -path "*/pg_logical/*" \
               -o -path "*/pg_notify/*" -o -path "*/pg_multixact/*" -o -name "postmaster.*" -o -name lost+found \
               -o -name .sudo_as_admin_successful \) -prune -o \
            -printf "%p %m %u:%g %s " \( -type f -exec sha256sum {} \; -o -printf "\n" \) | sed "s|  .*||" | sort'
}
