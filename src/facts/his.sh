# shellcheck shell=sh
# What stands in the files of an instance, for the shell of him whose they are: whatever he may exchange root does not read.

# The lines of .pgpass that are pgrepl's. The password is the fifth field; it is turned into a digest with a salt of its own here
# and leaves the host in no other form. Nothing that could be compared with it comes to the host.
# shellcheck disable=SC2016 # for awk
pass_lines='
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
        print salt substr($0, i) | "sort -u | sha256sum"
    }'

# In: as files.sh, and what is set first, as arguments; then files to tell of
# shellcheck disable=SC2016 # expanded by the shell it is given to
look_at_files='
real=$1 staging=$2 wal_directory=$3 bindir=$4 major=$5 home=$6 cluster=$7 installer=$8 keeper=$9
shift 9
history=$1 pass_lines=$2
shift 2
# Where nobody is there to do so, root runs only what packages put there.
if [ "$installer" = nobody ] && [ -O / ]; then bindir=/nowhere; fi
if [ -x "$bindir/postgres" ]; then
    # Of the same package, and started in a fraction of the time; some packages do not have it.
    teller=$bindir/pg_controldata
    [ -x "$teller" ] || teller=$bindir/postgres
    fact server "$("$teller" --version)"
fi
if [ -f "$real/PG_VERSION" ] && read -r version <"$real/PG_VERSION"; then
    fact instance "$version"
    if [ "$version" = "$major" ] && [ -x "$bindir/pg_controldata" ]; then
        # In the middle of an exchange.
        control=$real
        [ -d "$real/global" ] || control=$data_directory
        "$bindir/pg_controldata" "$control" 2>&1 | fact_lines control
    fi
fi
if [ -f "$history" ]; then fact_lines history_line <"$history"; fi
if [ -d "$staging" ]; then
    if [ -f "$staging/source" ]; then fact staging_source "$(head -n 1 "$staging/source")"; fi
    if [ -f "$staging/system_id" ]; then fact staging_system_id "$(head -n 1 "$staging/system_id")"; fi
    if [ ! -f "$staging/complete" ]; then
        # What is released when a copy that was cut short begins again.
        {
            timeout 5 du -sB1 "$staging" || :
            if [ -f "$staging/tablespaces" ]; then cut -f 2 "$staging/tablespaces" | timeout 5 xargs -r -d "\n" du -sB1 || :; fi
        } 2>/dev/null | awk "$awk_fact /^[0-9]+\t/ { bytes = \$1; sub(/^[0-9]+\t/, \"\"); column(\$0); fact(\"staging_holds\", bytes) }" >&7
    fi
    if [ -f "$staging/log" ]; then tail -c 600 "$staging/log" | tr "\r" "\n" | tail -n 5 | fact_lines staging_log; fi
fi
if [ "$keeper" = start_conf ] && [ -f "$config_directory/start.conf" ]; then
    fact start "$(awk "/^[^#]/ { print \$1; exit }" "$config_directory/start.conf")"
fi
if [ -f "$home/.pgpass" ]; then
    stat -c "%U	%a" "$home/.pgpass" | while IFS="	" read -r owner mode; do fact pgpass_file "$owner" "$mode"; done
    read -r salt </proc/sys/kernel/random/uuid
    awk -v salt="$salt" -v from="# >>> pgrepl $cluster" -v to="# <<< pgrepl $cluster" "$pass_lines" "$home/.pgpass" | while IFS= read -r entry; do
        case $entry in
            *:*) fact pgpass "$entry" ;;
            *) fact pgpass_password "$salt" "${entry%% *}" ;;
        esac
    done
fi
for file; do
    shift
    if [ -r "$file" ] && is_listed "$file"; then
        set -- "$@" "$file"
        continue
    fi
    # Others in these directories nobody reads.
    case $file in
        */postgresql.conf | */postgresql.auto.conf | */pg_hba.conf | */pg_ident.conf | */recovery.conf | */conf.d/* | /usr/* | \
            /etc/systemd/* | /etc/*/"$cluster.conf") fact unread "$file" ;;
    esac
done
[ $# = 0 ] || tell_files "" "$@"
exit 0
'
