# Verifies every file of the backups and every archived segment against its checksum. verify ends with 0 whatever it
# finds (2.33 alone does not): what it says of each backup and of the whole is what counts.
# In: top ids (names, separated by blanks)
main() {
    read_owner
    set -- --log-level-console=info "--process-max=$(nproc)"
    # 2.33 tells all of it without being asked.
    if pgbackrest help verify 2>/dev/null | grep -q -e '--output'; then set -- "$@" --output=text --verbose; fi
    code=0
    said=$(backrest verify "$@" 2>&1) || code=$?
    bad=$(printf '%s\n' "$said" | sed -n "s/.*\(invalid .*'[^']*'.*\)/\1/p" | sort -u | head -n 5 | tr '\n' ';')
    status=$(printf '%s\n' "$said" | sed -n 's/^ *status: *\([a-z]*\)$/\1/p' | tail -n 1)
    counted=$(printf '%s\n' "$said" | sed -n 's/.*\(missing\|invalid\|other\): [1-9].*/\1/p' | head -n 1)
    if [ -n "$bad$counted" ] || [ "${status:-ok}" != ok ]; then fail "the repository is damaged: ${bad:-$counted}"; fi
    [ "$code" = 0 ] || {
        printf '%s\n' "$said" >&2
        fail "cannot verify: $(printf '%s\n' "$said" | backrest_error)"
    }
    for id in $ids; do
        printf '%s\n' "$said" | grep -q "backup: $id, status: valid" || fail "backup $id was not verified"
        note_backup "$id" "verified=$(date +%s)"
    done
    ok "every file and every archived segment has its checksum"
}
