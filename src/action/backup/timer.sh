# Sets up or removes the timer that takes backups.
# In: verb (set or drop) program_path service_path timer_path; to set: schedule program service timer (texts)

main() {
    name=${timer_path##*/}
    case $verb in
        set)
            # That of RHEL 7 cannot be asked before.
            told=$(systemd-analyze calendar "$schedule" 2>&1) || case $told in
                *'nknown operation'*) ;;
                *) fail "systemd does not understand the schedule '$schedule'" ;;
            esac
            (umask 022 && mkdir -p "${program_path%/*}")
            put_root "$program_path" 755 "$program"
            put_root "$service_path" 644 "$service"
            put_root "$timer_path" 644 "$timer"
            systemctl daemon-reload
            systemctl enable --quiet "$name" >&2
            # A timer that runs already takes its new calendar only by this.
            systemctl restart "$name" || fail "the timer $name does not run"
            ok
            ;;
        drop)
            systemctl disable --quiet --now "$name" >&2 2>/dev/null || :
            rm -f "$program_path" "$service_path" "$timer_path"
            systemctl daemon-reload
            systemctl reset-failed "$name" "${name%.timer}.service" 2>/dev/null || :
            ok
            ;;
    esac
}
