# Reads what is in the archive and which backups there are, and writes nothing.
# In: top
main() {
    read_owner
    fact archive "$owner"
    { lists "$top/base" && lists "$top/wal"; } || fail "$top/base or $top/wal is not there"
    for backup in "$top"/base/*; do
        { [ -d "$backup" ] && lists "$backup"; } || continue
        fact backup "${backup##*/}"
        if [ -f "$backup/info" ]; then
            fact_lines about "${backup##*/}" <"$backup/info"
            fact about "${backup##*/}" "written=$(stat -c %Y "$backup/info")"
        fi
        if [ -f "$backup/verified" ]; then fact about "${backup##*/}" "verified=$(cat "$backup/verified")"; fi
    done
    list_restores
    # How many segments have one number: by the size of one of them.
    newest=$(find "$top/wal" -name '*[0-9A-F].gz' -size +0 -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1)
    if [ -n "$newest" ]; then size=$(gzip -l "${newest#* }" 2>/dev/null | awk 'NR == 2 { print $2 }'); fi
    list_wal "$top/wal" '[0-9A-F]*' "${size:-}"
    list_history "$top"/wal/*.history
}
