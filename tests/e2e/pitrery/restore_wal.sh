#!/bin/bash
# A stand-in for pitrery's restore_wal, for tests only: 1 for a segment that is not there and for an archive that is not.
while getopts "C:" opt; do
    case $opt in
        C) conf=$OPTARG ;;
        *) exit 0 ;;
    esac
done
# shellcheck disable=SC1090
. "$conf"
[ -f "$ARCHIVE_DIR/${*:$OPTIND:1}.gz" ] || exit 1
gunzip -c "$ARCHIVE_DIR/${*:$OPTIND:1}.gz" >"${*:$((OPTIND + 1)):1}"
