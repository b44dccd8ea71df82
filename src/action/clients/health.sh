# Sets up or removes the health port.
# In: verb (set or drop) program_path socket_path service_path; to set: program socket service (texts)

main() {
    name=${socket_path##*/}
    case $verb in
        set)
            (umask 022 && mkdir -p "${program_path%/*}")
            put_root "$program_path" 755 "$program"
            put_root "$service_path" 644 "$service"
            put_root "$socket_path" 644 "$socket"
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
