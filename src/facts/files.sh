# shellcheck shell=sh
# The files of the server and of pgrepl on its host, and what the server's configuration names beside them.
# In: cluster config_directory data_directory service_user

# Tells of files, which are read by a command, or as root. Says what those of the configuration name, one path a line:
# tell_files COMMAND FILES...
tell_files() {
    reader=$1
    shift
    $reader stat -L -c '@fact file %n	%U	%G	%a	%.Y' "$@" >&7
    $reader sha256sum "$@" | while IFS= read -r line; do fact digest "${line#*  }	${line%% *}"; done
    { $reader awk -v data="$data_directory" -v config="$config_directory" -v all="$reader" "$tell_lines" "$@" >&7; } 3>&1
    # Files are bytes: what is more than printable ASCII in lines comes whole.
    $reader grep -laxv '[	 -~]*' "$@" | while IFS= read -r file; do
        fact text "$file	$($reader base64 -w 0 "$file")"
    done
}

# Their lines; and what they name: files, directories, and some that are neither, each as a path.
# shellcheck disable=SC2016 # for awk
tell_lines='
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
    { print "@fact line " FILENAME "\t" $0 }
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
        if [ -z "$next" ] || ! id "$service_user" >/dev/null 2>&1; then return; fi
        next=$(printf '%s' "$next" | as_service_user xargs -d '\n' sh -c "$readable_files" sh | sort -u) || :
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
        next=$(tell_files as_service_user "$@") || :
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
        "/etc/systemd/system/pgrepl-$cluster-backup".* "/etc/pgbackrest/$cluster.conf" "/etc/pitrery/$cluster.conf"; do
        if [ -f "$file" ]; then set -- "$@" "$file"; fi
    done
    # Where the configuration lies in the data directory they were among these.
    for file in "$data_directory/postgresql.auto.conf" "$data_directory/recovery.conf"; do
        if [ -f "$file" ] && [ "$config_directory" != "$data_directory" ]; then set -- "$@" "$file"; fi
    done
    if [ $# -gt 0 ]; then
        told=$(printf '%s\n' "$@")
        next=$(tell_files '' "$@")
        read_named_files
    fi
}
