# shellcheck shell=sh
# Writes what is on a file system to its disk; coreutils before 8.24 can only do so for all: sync_system PATH
sync_system() {
    said_sync=$(sync -f "$1" 2>&1) || case $said_sync in
        *'invalid option'*) sync ;;
        *)
            printf '%s\n' "$said_sync" >&2
            return 1
            ;;
    esac
}
