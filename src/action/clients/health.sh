# Sets up or removes the health port.
# In: verb (set or drop) program_path socket_path service_path; to set: program socket service (texts)

put() { # PATH MODE TEXT
    { printf '%s' "$3" >"$1.new" && chown root:root "$1.new" && chmod "$2" "$1.new" && sync "$1.new" && mv "$1.new" "$1"; } ||
        fail "cannot write $1"
}

main() {
    name=${socket_path##*/}
    case $verb in
        set)
            (umask 022 && mkdir -p "${program_path%/*}")
            put "$program_path" 755 "$program"
            put "$service_path" 644 "$service"
            put "$socket_path" 644 "$socket"
            systemctl daemon-reload
            systemctl enable --quiet "$name" >&2
            # One that listens already takes its new port only by this.
            systemctl restart "$name" || fail "the socket $name does not listen"
            ok
            ;;
        drop)
            systemctl disable --quiet --now "$name" >&2 2>/dev/null || :
            rm -f "$program_path" "$socket_path" "$service_path"
            systemctl daemon-reload
            systemctl reset-failed "$name" 2>/dev/null || :
            ok
            ;;
    esac
}
