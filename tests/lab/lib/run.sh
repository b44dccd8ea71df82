# shellcheck shell=bash
# A run: several hosts with one network, one key, one owner.

lab_up() {
    [ $# -gt 0 ] || die "up wants hosts: lab up --run $run server1=12 server2=12"
    lab_sweep
    [ ! -e "$R" ] || die "run $run exists already: lab down --run $run"
    local spec host kind option index=0
    for spec in "$@"; do
        host=${spec%%=*} kind=${spec#*=} kind=${kind%%,*}
        [[ $host =~ ^[a-z][a-z0-9]{0,11}$ ]] || die "host names are lower-case letters and digits, 12 at most: '$host'"
        lab_base "$kind"
    done
    mkdir -p "$R/hosts"
    chmod 755 "$RUNS" "$R"
    # Who may be forgotten: a run ends with its owner; one without an owner stays until it is taken down.
    if [ -n "$owner" ]; then echo "$owner $(awk '{ print $22 }' "/proc/$owner/stat")" >"$R/owner"; fi
    trap 'lab_down' EXIT
    net_up
    ssh-keygen -q -t ed25519 -N '' -C lab -f "$R/key"
    echo '127.0.0.1 localhost' >"$R/etc_hosts"
    : >"$R/known_hosts"
    if [ "$mount" != no ]; then
        truncate -s "${MOUNT_SIZE:-4G}" "$R/mount.img"
        mkfs.ext4 -q -m 0 "$R/mount.img"
        mkdir "$R/mount"
        mount -o loop "$R/mount.img" "$R/mount"
        chown 543:543 "$R/mount"
    fi
    for spec in "$@"; do
        host=${spec%%=*} kind=${spec#*=}
        option=''
        case $kind in *,*) option=${kind#*,} kind=${kind%%,*} ;; esac
        H=$R/hosts/$host
        mkdir "$H"
        echo "${kind%%:*}" >"$H/release"
        case $kind in *:*) echo "${kind#*:}" ;; *) echo bare ;; esac >"$H/flavour"
        case $option in
            disk=*) echo "${option#disk=}" >"$H/disk" ;;
            disks=*) for index_of_disk in $(seq "${option#disks=}"); do mkdir -p "$H/disks/$index_of_disk"; done ;;
        esac
        index=$((index + 1))
        if [ "$mount" = stalling ]; then host_bindfs; fi
        net_host_up "$host" "$index"
        ssh-keygen -q -t ed25519 -N '' -C "$host" -f "$H/ssh_host_ed25519_key"
        echo "$(<"$H/address") $host" >>"$R/etc_hosts"
        echo "$host,$(<"$H/address") $(cut -d ' ' -f 1,2 "$H/ssh_host_ed25519_key.pub")" >>"$R/known_hosts"
    done
    lab_ssh_config
    for H in "$R"/hosts/*; do host_boot "$(basename "$H")"; done
    for H in "$R"/hosts/*; do host_wait "$(basename "$H")"; done
    trap - EXIT
}

lab_ssh_config() {
    local directory user host
    for directory in "$R"/hosts/*; do
        host=$(basename "$directory")
        for user in admin root nosudo noshell; do
            printf 'Host %s%s\n  HostName %s\n  User %s\n  HostKeyAlias %s\n\n' "$host" \
                "$([ "$user" = admin ] || echo "-$user")" "$(<"$directory/address")" "$user" "$host"
        done
    done >"$R/ssh_config"
    cat >>"$R/ssh_config" <<TXT
Host *
  IdentityFile $R/key
  IdentitiesOnly yes
  UserKnownHostsFile $R/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  ControlMaster no
  ControlPath none
TXT
}

lab_down() {
    [ -d "$R" ] || return 0
    local stops=()
    for H in "$R"/hosts/*; do
        [ -d "$H" ] || continue
        [ ! -f "$H/bindfs" ] || kill -CONT "$(<"$H/bindfs")" 2>/dev/null || :
        (host_stop) &
        stops+=($!)
    done
    [ ${#stops[@]} -eq 0 ] || wait "${stops[@]}" || :
    for H in "$R"/hosts/*; do [ ! -d "$H" ] || host_discard || :; done
    net_down
    local mounted
    for mounted in $(awk -v r="$R/" 'index($2, r) == 1 { print $2 }' /proc/mounts | sort -r); do umount -l "$mounted" || :; done
    rm -rf "$R"
}

# Ends every run whose owner is dead, and never one that is in use.
lab_sweep() {
    local keep=$run pid started
    mkdir -p "$RUNS"
    # Of several sweeps at once one works: a run is not taken down twice.
    exec 9>"$RUNS/.sweep"
    flock 9
    for R in "$RUNS"/*/; do
        R=${R%/}
        [ -f "$R/owner" ] || continue
        read -r pid started <"$R/owner" 2>/dev/null || continue
        if [ "$(awk '{ print $22 }' "/proc/$pid/stat" 2>/dev/null)" != "$started" ]; then
            say "removing run $(basename "$R"), its owner is gone"
            lab_down
        fi
    done
    exec 9>&-
    run=$keep R=$RUNS/$keep
}

lab_status() {
    for R in "$RUNS"/*/; do
        [ -d "$R/hosts" ] || continue
        R=${R%/}
        for H in "$R"/hosts/*; do
            printf '%s %s %s %s:%s %s\n' "$(basename "$R")" "$(basename "$H")" "$(<"$H/address")" \
                "$(<"$H/release")" "$(<"$H/flavour")" "$([ -f "$H/pid" ] && kill -0 "$(<"$H/pid")" 2>/dev/null && echo running || echo stopped)"
        done
    done
}
