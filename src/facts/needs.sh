# Tells whether a host has what settings of a server need: certificates, libraries, locales. Writes nothing.
# In: needs (lines: file, key, directory, tablespace, library, locale, huge_pages, sockets, group, timezone, built_with or a kind of
#     able.sh, a blank, and its name)

# Nothing is said of what cannot be told.
answer() { fact asked "$kind $name" "$1"; }
as_server() { if id "$service_user" >/dev/null 2>&1; then (cd / && as_service_user "$@"); else "$@"; fi; }

readable() {
    if [ ! -e "$name" ]; then answer "is not there"; return; fi
    if ! as_server test -r "$name"; then answer "cannot be read by $service_user"; return; fi
    if [ "$kind" = key ] && id "$service_user" >/dev/null 2>&1; then
        # As src/backend/libpq/be-secure-common.c has it.
        case $(stat -L -c '%U %a' "$name") in
            "root "*[04]0 | "$service_user "*00) ;;
            "root "* | "$service_user "*) answer "may be read by others: the server does not use it"; return ;;
            *) answer "belongs neither to root nor to $service_user: the server does not use it"; return ;;
        esac
    fi
    answer ''
}

# A directory of his, or one that he can make.
tablespace() {
    nearest=$name
    while [ ! -d "$nearest" ]; do
        nearest=${nearest%/*}
        nearest=${nearest:-/}
    done
    if [ "$nearest" = "$name" ] && [ "$(stat -c %U "$name")" = "$service_user" ]; then answer ''
    elif [ "$nearest" = "$name" ]; then answer "does not belong to $service_user"
    elif ! id "$service_user" >/dev/null 2>&1; then
        # With the package comes his home.
        case $name in "$home"/*) answer '' ;; *) answer "is not there" ;; esac
    elif as_server test -w "$nearest"; then answer ''
    else answer "is not there, and $service_user cannot make it in $nearest"; fi
}

# The server makes the last directory of the path itself.
writable() {
    if as_server test -w "$name"; then answer ''
    elif [ ! -e "$name" ] && as_server test -w "${name%/*}"; then answer ''
    else answer "cannot be written by $service_user"; fi
}

# A directory for sockets the server does not make.
sockets() {
    if [ ! -d "$name" ]; then answer "is not there"
    elif as_server test -w "$name"; then answer ''
    else answer "cannot be written by $service_user"; fi
}

group() { if getent group "$name" >/dev/null 2>&1; then answer ''; else answer "is not there"; fi; }

# PostgreSQL has time zones of its own, or those of the system; where neither is there yet nothing is known.
timezone() {
    known_zones=
    for zones in /usr/share/zoneinfo "$bindir/../share/timezone" "$bindir/../share/postgresql/timezone"; do
        if [ -f "$zones/$name" ]; then answer ''; return; fi
        if [ -d "$zones" ]; then known_zones=yes; fi
    done
    if [ -n "$known_zones" ]; then answer "is not installed"; fi
}

# Its words where it has it not are in the program.
built_with() {
    if [ ! -f "$bindir/postgres" ]; then return; fi
    if grep -q "$name is not supported in this build" "$bindir/postgres"; then answer "is not built into PostgreSQL there"; else answer ''; fi
}

# Where the server's own libraries are, others are looked for.
libraries() {
    for libdir in "$bindir/../lib" "$bindir/../lib64/pgsql" "$bindir/../lib/postgresql" "$bindir/../lib64/postgresql"; do
        if [ -e "$libdir/libpqwalreceiver.so" ]; then return; fi
    done
    return 1
}
library() {
    # shellcheck disable=SC2016 # PostgreSQL's own word
    case $name in
        /*) at=$name ;;
        '$libdir/'*) libraries || return 0; at=$libdir/${name#*/} ;;
        */*) return 0 ;;
        *) libraries || return 0; at=$libdir/$name ;;
    esac
    if [ -e "$at" ] || [ -e "$at.so" ]; then answer ''; else answer "is not installed"; fi
}

plain() { tr '[:upper:]' '[:lower:]' | sed 's/\.\(.*\)-/.\1/; s/\.\(.*\)-/.\1/'; }
locale_of() {
    command -v locale >/dev/null 2>&1 || return 0
    known=${known:-$(locale -a 2>/dev/null | plain)}
    if printf '%s\n' "$known" | grep -qxF -- "$(printf '%s\n' "$name" | plain)"; then answer ''; else answer "is not installed"; fi
}

huge_pages() {
    total=$(awk '$1 == "HugePages_Total:" { print $2 }' /proc/meminfo)
    if [ "${total:-0}" -ge "$name" ]; then answer ''; else answer "are needed, ${total:-0} are there"; fi
}

main() {
    # A here-document, so that the loop is not a shell of its own.
    while read -r kind name; do
        case $kind in
            file | key) readable ;;
            directory) writable ;;
            tablespace) tablespace ;;
            library) library ;;
            locale) locale_of ;;
            huge_pages) huge_pages ;;
            sockets) sockets ;;
            group) group ;;
            timezone) timezone ;;
            built_with) built_with ;;
            held) held ;;
            extensions) extensions ;;
        esac
    done <<-LIST
	$needs
	LIST
}
