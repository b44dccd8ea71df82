# shellcheck shell=sh
# The files of the server and of pgrepl on its host, and what the server's configuration names beside them.
# In: cluster config_directory data_directory service_user

# A name that can stand in a list, one a line, and that every program writes as it is. A file with another one is told as not read.
# shellcheck disable=SC2016 # expanded by the shell it is given to
listed='
is_listed() {
    case $1 in *[\\]* | *"	"* | *"
"*) return 1 ;; esac
}
'

# Tells of files. Says what those of the configuration name, one path a line; for the shell of him whose files they are:
# tell_files WHICH FILES... (WHICH is empty where only what lies in these two directories is configuration)
# shellcheck disable=SC2016 # expanded by the shell it is given to
tell_files='
tell_files() {
    which=$1
    shift
    stat -L -c "%U	%G	%a	%.Y	%n" "$@" | while IFS="	" read -r owner group mode modified file; do
        fact file "$file" "$owner" "$group" "$mode" "$modified"
    done
    sha256sum "$@" | while IFS= read -r line; do fact digest "${line#*  }" "${line%% *}"; done
    { data=$data_directory config=$config_directory all=$which awk "$awk_fact$lines" "$@" >&7; } 3>&1
    # Files are bytes: what is more than printable ASCII in lines comes whole.
    grep -laxv "[	 -~]*" "$@" | while IFS= read -r file; do
        fact text "$file" "$(base64 -w 0 "$file")"
    done
}
'

# Runs a text of shell as the service user, whose files it reads: root would follow a link from there to any file of the host.
# Where there is no such user yet nothing is his: by_reader TEXT ARGUMENTS...
by_reader() {
    text=$1
    shift
    set -- sh -c "$text" sh "$data_directory" "$config_directory" "$tell_lines" "$@"
    if has_user; then as_service_user "$@"; else "$@"; fi
}
# In front of such a text.
# shellcheck disable=SC2016 # expanded by the shell it is given to
arguments='data_directory=$1 config_directory=$2 lines=$3; shift 3'

# Their lines; and what they name: files, directories, and some that are neither, each as a path.
# shellcheck disable=SC2016 # for awk
tell_lines='
    BEGIN { data = ENVIRON["data"]; config = ENVIRON["config"]; all = ENVIRON["all"] }
    function tell(path, base) {
        if (path == "") return
        if (path !~ /^\//) path = base "/" path
        print path | "sort -u >&3"
    }
    function bare(word) {
        quote = substr(word, 1, 1)
        if (quote == "\047" || quote == "\"") {
            word = substr(word, 2)
            sub(quote ".*", "", word)
        } else sub(/[ \t#].*/, "", word)
        return word
    }
    { column(FILENAME); fact("line", $0) }
    FNR == 1 {
        directory = FILENAME
        sub("/[^/]*$", "", directory)
        configures = all != "" || index(FILENAME, config "/") == 1 || index(FILENAME, data "/") == 1
    }
    !configures { next }
    { sub(/\r$/, "") }
    tolower($0) ~ /^[ \t]*"?(include|include_if_exists|include_dir|hba_file|ident_file)"?[ \t=]/ {
        word = $0
        sub(/^[ \t]*"?[A-Za-z_]+"?[ \t]*=?[ \t]*/, "", word)
        tell(bare(word), tolower($0) ~ /^[ \t]*(hba|ident)_file/ ? data : directory)
    }
    /@/ {
        count = split($0, words, /[ \t,]+/)
        rest = $0
        for (i = 1; i <= count; i++) if (words[i] ~ /^@/) {
            rest = substr(rest, index(rest, words[i]) + 1)
            tell(bare(rest ~ /^"/ ? rest : substr(words[i], 2)), directory)
        }
    }'

# Of paths the files that are of a reasonable size; of a directory those that include_dir takes.
# shellcheck disable=SC2016 # for sh
readable_files='
    for path; do
        path=${path%/}
        if [ -d "$path" ]; then set -- "$path"/*.conf; else set -- "$path"; fi
        for file; do
            if ! is_listed "$file"; then
                fact unread "$file"
                continue
            fi
            if [ -f "$file" ] && [ -r "$file" ] && [ "$(stat -L -c %s "$file")" -le 1048576 ]; then printf "%s\n" "$file"; fi
        done
    done'

# What the configuration names beyond what was told is read as the service user: he chose it.
# In: told and next, paths, one a line
read_named_files() {
    rounds=0
    while [ "$rounds" -lt 11 ]; do
        rounds=$((rounds + 1))
        only_new
        if [ -z "$next" ] || ! has_user; then return; fi
        next=$(printf '%s' "$next" | as_service_user xargs -d '\n' sh -c "$telling$listed$readable_files" sh | sort -u) || :
        only_new
        if [ -z "$next" ]; then return; fi
        told="$told
$next"
        old=$IFS
        IFS='
'
        set -f
        # shellcheck disable=SC2086 # one a line
        set -- $next
        set +f
        IFS=$old
        next=$(by_reader "$telling$arguments
$tell_files"'tell_files all "$@"' "$@") || :
    done
}

# Leaves in next what was not told yet, a line break behind each.
only_new() {
    new=
    while IFS= read -r path; do
        case "
$told
" in *"
$path
"*) ;; *)
            if [ -n "$path" ]; then new="$new$path
"; fi
            ;;
        esac
    done <<LIST
$next
LIST
    next=$new
}

read_files() {
    set --
    for file in "$config_directory"/*.conf "$config_directory"/conf.d/*.conf "/usr/local/lib/pgrepl/$cluster"/* \
        "/etc/systemd/system/pgrepl-$cluster-backup".* "/etc/systemd/system/pgrepl-$cluster-health"* \
        "/etc/systemd/system/pgrepl-$cluster-address.service" $tool_files; do
        if [ -f "$file" ]; then set -- "$@" "$file"; fi
    done
    # Where the configuration lies in the data directory they were among these.
    for file in "$data_directory/postgresql.auto.conf" "$data_directory/recovery.conf"; do
        if [ -f "$file" ] && [ "$config_directory" != "$data_directory" ]; then set -- "$@" "$file"; fi
    done
    told=$(printf '%s\n' "$@")
    next=$(by_reader "$telling$listed$arguments
$tell_files$look_at_files" "$body" "$staging" "$wal_directory" "$bindir" "$major" "$home" "$cluster" "$installer" "$keeper" \
        "$newest" "$pass_lines" "$@") || :
    # What he could not read is not absent.
    if [ -f "$body/PG_VERSION" ]; then fact instance "that $service_user cannot read"; fi
    read_named_files
}
