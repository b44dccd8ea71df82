# shellcheck shell=bash
# An imitation of CentOS 7: the imitation of the RHEL family, with its os-release, bash as /bin/sh, yum in place of dnf, no zstd, and
# programs in front of Debian's that refuse what those of CentOS 7 do not know.

# What came after CentOS 7: a program, an option or a verb, and the release that brought it (its NEWS, or the manual page of
# that release). An option that ends in = is refused with any value.
el7_news() {
    cat <<'TXT'
sync -f coreutils 8.24
sync -d coreutils 8.24
sync --file-system coreutils 8.24
sync --data coreutils 8.24
dd status=progress coreutils 8.24
sha256sum -z coreutils 8.25
sha256sum --ignore-missing coreutils 8.25
cut -z coreutils 8.25
head -z coreutils 8.25
tail -z coreutils 8.25
timeout -v coreutils 8.29
timeout --verbose coreutils 8.29
env -C coreutils 8.28
env -S coreutils 8.30
env -u- coreutils 8.30
mv --exchange coreutils 9.5
mv --no-copy coreutils 9.5
cp --keep-directory-symlink coreutils 9.5
ls --zero coreutils 9.0
cksum -a coreutils 9.0
b2sum * coreutils 8.26
basenc * coreutils 8.31
flock -F util-linux 2.34
flock --no-fork util-linux 2.34
flock --verbose util-linux 2.27
setpriv --init-groups util-linux 2.34
setpriv --reset-env util-linux 2.34
setpriv --pdeathsig util-linux 2.33
mountpoint --nofollow util-linux 2.36
findmnt --output-all util-linux 2.30
lsblk --output-all util-linux 2.24
lsblk --merge util-linux 2.34
uuidparse * util-linux 2.31
ss -H iproute2 after 3.10
ss --no-header iproute2 after 3.10
ip -j iproute2 4.14
ip -json iproute2 4.14
ip -br iproute2 4.2
tar --sort= tar 1.28
tar --one-top-level tar 1.28
tar --zstd tar 1.31
grep --no-ignore-case grep 3.5
systemd-cat --level-prefix systemd 256
zstd * epel
lz4 * epel
TXT
}

# The options, properties and verbs that systemd 219 has: from its source as Red Hat has it (src/run/run.c, src/systemctl/systemctl.c,
# src/journal/journalctl.c, src/analyze/analyze.c, bus_append_unit_property_assignment() of src/libsystemd/sd-bus/bus-util.c).
el7_systemd() {
    cat <<'TXT'
systemd-run options help version user system scope unit description slice remain-after-exit send-sighup host machine service-type uid gid nice setenv property tty quiet on-active on-boot on-startup on-unit-active on-unit-inactive on-calendar timer-property collect
systemd-run properties CPUQuota RandomizedDelaySec CPUAccounting MemoryAccounting BlockIOAccounting SendSIGHUP SendSIGKILL WakeSystem DefaultDependencies Delegate MemoryLimit TasksMax CPUShares StartupCPUShares BlockIOWeight StartupBlockIOWeight User Group DevicePolicy KillMode DeviceAllow BlockIOReadBandwidth BlockIOWriteBandwidth BlockIODeviceWeight Nice Environment PassEnvironment KillSignal AccuracySec
systemctl options help version type property all reverse after before show-types failed full job-mode fail irreversible ignore-dependencies ignore-inhibitors user system global no-block no-legend no-pager no-wall quiet root force no-reload kill-who signal no-ask-password host machine runtime lines output plain state recursive preset-mode now
systemctl verbs list-units list-unit-files list-sockets list-timers list-jobs list-machines clear-jobs cancel start stop condstop reload restart try-restart reload-or-restart reload-or-try-restart force-reload condreload condrestart isolate kill is-active check is-failed show cat status help snapshot delete daemon-reload daemon-reexec show-environment set-environment unset-environment import-environment halt poweroff reboot kexec suspend hibernate hybrid-sleep default rescue emergency exit reset-failed enable disable is-enabled reenable preset preset-all mask unmask link switch-root list-dependencies set-default get-default set-property is-system-running add-wants add-requires edit
journalctl options help version no-pager pager-end follow force output all full no-full lines no-tail quiet merge boot list-boots this-boot dmesg system user directory file root header identifier priority setup-keys interval verify verify-key disk-usage cursor after-cursor show-cursor since until unit user-unit field catalog list-catalog dump-catalog update-catalog reverse machine utc flush vacuum-size vacuum-time
systemd-analyze options help version order require system user from-pattern to-pattern fuzz no-pager man host machine
systemd-analyze verbs verify time blame critical-chain plot dot dump set-log-level
TXT
}

# Puts these programs in front: el7_tree TREE LOG
el7_tree() {
    local tree=$1 log=$2 place=$1/usr/local/lib/el7
    mkdir -p "$place" "$tree/usr/local/sbin"
    el7_news >"$place/news"
    el7_systemd >"$place/systemd"
    cat >"$place/news.sh" <<'TXT'
#!/bin/bash
# Refuses what the program of its name does not know in CentOS 7, and runs Debian's with all the rest.
name=${0##*/}
while read -r program option release; do
    [ "$program" = "$name" ] || continue
    if [ "$option" = '*' ]; then
        echo "$name: command not found ($release)" >&2
        exit 127
    fi
    for word; do
        [ "$word" != -- ] || break
        case $option:$word in
            *=:"$option"* | "$option:$option" | "$option:$option="*) ;;
            -[!-]:-[!-]*)
                # Among letters that stand together.
                case ${word%%[!A-Za-z-]*} in *"${option#-}"*) [ "$name" = ss ] || continue ;; *) continue ;; esac
                ;;
            *) continue ;;
        esac
        echo "$name: invalid option -- '${option#-}' ($release)" >&2
        echo "$(date +%s) $name $word" >>/var/tmp/el7-refused 2>/dev/null
        exit 1
    done
done </usr/local/lib/el7/news
if [ "$name" = setpriv ] && [ "${1:-}" = --help ]; then
    /usr/bin/setpriv --help | grep -vE -- '--(init-groups|reset-env|pdeathsig)'
    exit
fi
# coreutils before 8.24 says so, and writes everything.
if [ "$name" = sync ] && [ $# -gt 0 ]; then
    echo 'sync: ignoring all arguments' >&2
    set --
fi
PATH=/usr/sbin:/usr/bin:/sbin:/bin exec "$name" "$@"
TXT
    cat >"$place/systemd.sh" <<'TXT'
#!/bin/bash
# Refuses what systemd 219 does not know, in its words.
name=${0##*/}
known() { [[ " $(sed -n "s/^$name $1 //p" /usr/local/lib/el7/systemd) " == *" $2 "* ]]; }
refuse() {
    echo "$1" >&2
    echo "$(date +%s) $name: $1" >>/var/tmp/el7-refused 2>/dev/null
    exit 1
}
property=no verb=
for word; do
    if [ "$property" = yes ]; then
        property=no
        if [ "$name" = systemd-run ] && ! known properties "${word%%=*}"; then refuse "Unknown assignment $word."; fi
        continue
    fi
    case $word in
        --) break ;;
        --property=*)
            word=${word#*=}
            if [ "$name" = systemd-run ] && ! known properties "${word%%=*}"; then refuse "Unknown assignment $word."; fi
            ;;
        --*)
            word=${word%%=*}
            known options "${word#--}" || refuse "$name: unrecognized option '$word'"
            ;;
        -p) property=yes ;;
        -P | -T | -C) refuse "$name: invalid option -- '${word#-}'" ;;
        -[tolnsHMiqu]) [ "$word" = -q ] || skip=yes ;;
        -*) ;;
        *)
            if [ "${skip:-no}" = yes ]; then skip=no; continue; fi
            [ "$name" != systemd-run ] || break
            if [ -z "$verb" ]; then
                verb=$word
                case $name in
                    systemctl) known verbs "$verb" || refuse "Unknown operation '$verb'." ;;
                    systemd-analyze) known verbs "$verb" || refuse "Unknown operation '$verb'." ;;
                esac
            fi
            ;;
    esac
done
PATH=/usr/sbin:/usr/bin:/sbin:/bin exec "$name" "$@"
TXT
    chmod 755 "$place"/*.sh
    local program
    for program in $(el7_news | cut -d ' ' -f 1 | sort -u); do ln -sf /usr/local/lib/el7/news.sh "$tree/usr/local/sbin/$program"; done
    for program in systemd-run systemctl journalctl systemd-analyze; do ln -sf /usr/local/lib/el7/systemd.sh "$tree/usr/local/sbin/$program"; done
    # Where nothing is in front of them, as for whoever asks whether they are there.
    in_tree "$tree" sh -s >>"$log" 2>&1 <<'TXT' || die "cannot make CentOS 7 of it, see $log"
set -eu
ln -sf bash /bin/sh
for gone in zstd b2sum basenc uuidparse lz4; do
    rm -f "/usr/bin/$gone" "/bin/$gone" "/usr/local/sbin/$gone"
done
real=$(readlink -f /usr/bin/dnf)
rm -f /usr/bin/dnf
[ "$real" != /usr/bin/dnf ]
cat >/usr/bin/yum <<PRG
#!/bin/bash
# yum 3.4.3 has no modules.
for word; do
    case \$word in module | --nobest | --allowerasing) echo "No such command: \$word" >&2; exit 1 ;; esac
done
exec $real "\$@"
PRG
chmod 755 /usr/bin/yum
touch /var/tmp/el7-refused
chmod 666 /var/tmp/el7-refused
cat >/etc/os-release <<'REL'
NAME="CentOS Linux"
VERSION="7 (Core, imitated on Debian)"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="7"
PRETTY_NAME="CentOS Linux 7 (Core, imitated on Debian)"
REL
TXT
}
