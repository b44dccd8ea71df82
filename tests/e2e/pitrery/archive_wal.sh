#!/bin/bash
# A stand-in for pitrery's archive_wal, for tests only: it makes the directory it writes to, and writes over what is there.
while getopts "C:a:" opt; do
    case $opt in
        C) conf=$OPTARG ;;
        a) target=$OPTARG ;;
        *) exit 0 ;;
    esac
done
# shellcheck disable=SC1090
[ ! -f "$conf" ] || . "$conf"
file=${*:$OPTIND:1}
mkdir -p "${target:-$ARCHIVE_DIR}" && gzip -f -4 -c <"$file" >"${target:-$ARCHIVE_DIR}/${file##*/}.gz"
