# Reads what is in the archive and which backups there are, and writes nothing.
# In: top
main() {
    read_owner
    fact archive "$owner"
    { lists "$top/base" && lists "$top/wal"; } || fail "$top/base or $top/wal is not there"
    for backup in "$top"/base/*; do
        { [ -d "$backup" ] && lists "$backup"; } || continue
        fact backup "${backup##*/}"
        if [ -f "$backup/info" ]; then awk -v id="${backup##*/}" '{ print "@fact about " id "\t" $0 }' "$backup/info" >&7; fi
        if [ -f "$backup/verified" ]; then fact about "${backup##*/}	verified=$(cat "$backup/verified")"; fi
    done
    list_restores
    wal_age "$top/wal" '*[0-9A-F].gz'
    # How many segments have one number: by the size of one of them.
    if [ -n "$newest" ]; then size=$(gzip -l "${newest#* }" 2>/dev/null | awk 'NR == 2 { print $2 }'); fi
    # shellcheck disable=SC2012 # names of ours, no surprises
    ls "$top/wal" | sed -n 's/^\([0-9A-F]\{24\}\)\(\.gz\)\{0,1\}$/\1/p' | wal_runs "${size:-}"
    list_history "$top"/wal/*.history
}
