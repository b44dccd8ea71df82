# Restores a backup as the service user. Every file is compared with its checksum; the recovery settings that pgBackRest
# would write are not wanted.
# In: as script/unpack.sh, and cluster
unpack_backup() {
    set -- "--set=$ids" "--pg1-path=$data" --type=none --no-delta "--process-max=$(nproc)"
    while IFS='	' read -r oid here; do set -- "$@" "--tablespace-map=$oid=$here"; done <"$spaces"
    backrest restore "$@" --log-level-console=info >"$work/said" 2>&1 || {
        cat "$work/said"
        fail "$(backrest_error <"$work/said")"
    }
}
