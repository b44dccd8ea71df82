# Reads everything pgrepl wants to know of a host, in few processes, and writes nothing at all.
# In: the variables of a place, and: question (SQL) peers (NAME=NAME-OR-ADDRESS ...) mount clone_unit
#     staging pass_digest (SHA-256 of the wanted .pgpass field, or empty) wal_directory

read_release() {
    # A file of the system, made to be read by shells.
    (
        ID='' ID_LIKE='' VERSION_ID='' PRETTY_NAME=''
        # shellcheck disable=SC1091
        if [ -r /etc/os-release ]; then . /etc/os-release; fi
        fact os "$ID	$ID_LIKE	$VERSION_ID	$PRETTY_NAME"
    )
}

read_network() {
    ip -o addr show scope global 2>/dev/null | awk '{ sub("/.*", "", $4); print "@fact address " $4 }' >&7
    for peer in $peers; do
        name=${peer%%=*}
        timeout 5 getent ahosts "${peer#*=}" 2>/dev/null |
            awk -v name="$name" '!seen[$1]++ { print "@fact resolved " name "\t" $1 }' >&7 || :
    done
}

read_packages() {
    if [ -x "$bindir/postgres" ]; then
        fact server "$("$bindir/postgres" --version)"
        fact bindir "$bindir"
        tools=
        for tool in "$bindir"/*; do tools="$tools ${tool##*/}"; done
        fact tools "$tools"
    else
        fact candidate "$(apt-cache policy "postgresql-$major" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }')"
        if grep -qs '^create_main_cluster *= *false' /etc/postgresql-common/createcluster.conf /etc/postgresql-common/createcluster.d/*.conf; then
            fact creates_cluster no
        fi
    fi
    for other in "${bindir%/"$major"/*}"/*/bin/postgres; do
        if [ -x "$other" ] && [ "$other" != "$bindir/postgres" ]; then
            other=${other%/bin/postgres}
            fact other_major "${other##*/}"
        fi
    done
}

read_data() {
    real=$(readlink -f "$data_directory" 2>/dev/null || printf '%s' "$data_directory")
    fact data "$real"
    if mountpoint -q "$real" 2>/dev/null; then fact data_is_mount yes; fi
    if [ -f "$real/PG_VERSION" ]; then
        read -r version <"$real/PG_VERSION"
        fact instance "$version"
        if [ "$version" = "$major" ] && [ -x "$bindir/pg_controldata" ]; then
            "$bindir/pg_controldata" "$real" 2>&1 | awk '{ print "@fact control " $0 }' >&7
        fi
        for signal in standby.signal recovery.signal recovery.conf backup_label; do
            if [ -e "$real/$signal" ]; then fact signal "$signal"; fi
        done
        if [ -L "$real/$wal_directory" ]; then fact wal_link "$(readlink -f "$real/$wal_directory")"; fi
        for space in "$real"/pg_tblspc/*; do
            if [ -L "$space" ]; then fact tablespace "${space##*/}	$(readlink -f "$space")"; fi
        done
        waiting=0
        for ready in "$real/$wal_directory"/archive_status/*.ready; do
            if [ -e "$ready" ]; then waiting=$((waiting + 1)); fi
        done
        fact archive_waiting "$waiting"
    elif [ -d "$real" ]; then
        shown=0
        for entry in "$real"/* "$real"/.[!.]*; do
            if [ -e "$entry" ] && [ "${entry##*/}" != lost+found ] && [ "$shown" -lt 5 ]; then
                fact foreign "${entry##*/}"
                shown=$((shown + 1))
            fi
        done
    fi
    if pid=$(postmaster_pid); then fact postmaster "$pid"; fi
    for aside in "$data_directory".pgrepl-[0-9]*; do
        if [ -d "$aside" ]; then fact set_aside "$aside"; fi
    done
    if [ -d "$staging" ]; then
        fact staging "$staging"
        if [ -f "$staging/source" ]; then fact staging_source "$(head -n 1 "$staging/source")"; fi
        if [ -f "$staging/system_id" ]; then fact staging_system_id "$(head -n 1 "$staging/system_id")"; fi
        if [ -f "$staging/complete" ]; then fact staging_complete yes; fi
        if [ -f "$staging/log" ]; then tail -c 600 "$staging/log" | tr '\r' '\n' | tail -n 5 | awk '{ print "@fact staging_log " $0 }' >&7; fi
    fi
}

read_files() {
    set --
    for file in "$config_directory"/*.conf "$config_directory"/conf.d/*.conf "$data_directory/postgresql.auto.conf" "$data_directory/recovery.conf"; do
        if [ -f "$file" ]; then set -- "$@" "$file"; fi
    done
    if [ $# -gt 0 ]; then
        stat -c '@fact file %n	%U	%G	%a	%.Y' "$@" >&7
        sha256sum "$@" | awk '{ print "@fact digest " substr($0, 67) "\t" $1 }' >&7
        awk '{ print "@fact line " FILENAME "\t" $0 }' "$@" >&7
    fi
    if [ -f "$home/.pgpass" ]; then
        stat -c '@fact pgpass_file %U	%a' "$home/.pgpass" >&7
        # The password is the fifth field; it is turned into a digest here and leaves the host in no other form.
        awk -v from="# >>> pgrepl $cluster" -v to="# <<< pgrepl $cluster" '
            $0 == from { inside = 1; next }
            $0 == to { inside = 0 }
            inside {
                colons = 0
                for (i = 1; i <= length($0) && colons < 4; i++) {
                    c = substr($0, i, 1)
                    if (c == "\\") i++
                    else if (c == ":") colons++
                }
                print substr($0, 1, i - 2)
                print substr($0, i) | "sort -u | sha256sum"
            }' "$home/.pgpass" | while IFS= read -r entry; do
            case $entry in
                *:*) fact pgpass "$entry" ;;
                *) if [ "${entry%% *}" = "$pass_digest" ]; then fact pgpass_password same; else fact pgpass_password differs; fi ;;
            esac
        done
    fi
}

read_service() {
    if [ -d /run/systemd/system ]; then
        fact systemd yes
        systemctl show -p Id -p ActiveState -p UnitFileState "$unit" postgresql.service "$clone_unit" 2>/dev/null |
            awk -F = '$1 == "Id" { id = $2 } NF > 1 && $1 != "Id" { print "@fact unit " id "\t" $1 "\t" $2 }
                      $1 == "ActiveState" || $1 == "UnitFileState" { seen[$1] = $2 }' >&7 || :
    fi
    if [ -f "$config_directory/start.conf" ]; then
        fact start "$(awk '/^[^#]/ { print $1; exit }' "$config_directory/start.conf")"
    fi
}

read_disks() {
    near=$real
    while [ ! -d "$near" ]; do near=$(dirname "$near"); done
    timeout 5 df -B1 --output=target,size,avail "$near" 2>/dev/null | awk 'NR == 2 { print "@fact disk data\t" $1 "\t" $2 "\t" $3 }' >&7 || :
    if [ -n "$mount" ]; then
        # A dead network mount blocks whoever looks at it.
        if timeout 5 mountpoint -q "$mount"; then
            fact mount mounted
            timeout 5 df -B1 --output=fstype,size,avail "$mount" | awk 'NR == 2 { print "@fact mount_space " $1 "\t" $2 "\t" $3 }' >&7 || :
            if id "$service_user" >/dev/null 2>&1; then
                if as_service_user timeout 5 test -w "$mount"; then fact mount_writable yes; else fact mount_writable no; fi
            fi
        else
            fact mount missing
        fi
    fi
}

main() {
    read_release
    fact uname "$(uname -nm)"
    read_network
    read_packages
    read_data
    read_files
    read_service
    read_disks
    if postmaster_pid >/dev/null && [ -x "$bindir/psql" ]; then
        PGOPTIONS='-c statement_timeout=10000 -c lc_messages=C'
        export PGOPTIONS
        if answer=$(sql "$question"); then fact sql "$answer"; fi
    fi
}
