# Promotes this standby once it has replayed everything that the primary wrote.
# In: system_id seconds (patience for the replay) handover (yes: the end of the primary's WAL comes on standard input)
#     least (else: a position, or empty) promote (SQL: what it becomes, or 'reached' where only pg_ctl can promote) replay (SQL: this server's replayed position)
#     walfile (SQL: the name of the segment that is written now) waldump (program) wal_directory
#     address (that the host takes over: IP/PREFIX, or nothing) interface

# One connection, made before the primary stops, that waits for nothing but the position.
ask_to_promote() {
    cat <<-SQL
	select case when not pg_is_in_recovery() then 'primary'
	    when (select system_identifier::text from pg_control_system()) <> '$system_id' then 'other cluster'
	    when $replay > '$1' then $promote
	    else 'behind ' || $replay end;
	SQL
}

armed() {
    printf '%s\n' "select 'connected';"
    while IFS=' ' read -r word position <&6; do
        case $word in
            ping) fact pong yes ;;
            go)
                printf '%s\n' "$position" >&5
                ask_to_promote "$position"
                return
                ;;
            *) return ;;
        esac
    done
}

# Tells that it leads, once clients find it. That its host lacks the address keeps nobody from leading: what is planned next sees it.
leads() {
    if [ -n "$address" ] && ! put_address; then note "cannot add $address to $interface"; fi
    fact promoted yes
}

# The REDO location in this server's own copy of the record at a position: the segment its new timeline begins with has it.
redo_here() {
    file=$(sql "select $walfile")
    timeline=$((0x${file%"${file#????????}"}))
    (cd / && as_service_user "$bindir/$waldump" -p "$data_directory/$wal_directory" -t "$timeline" -s "$1" -n 1 2>/dev/null) |
        sed -n 's/.*CHECKPOINT_SHUTDOWN redo \([0-9A-F/]*\);.*/\1/p'
}

promoted() {
    redo=
    [ -z "$1" ] || redo=$(redo_here "$1") || :
    case $redo in
        '') ok "$1" ;;
        "$1") ok "the shutdown checkpoint at $1 is here too, with the same REDO location" ;;
        *) ok "the record at $1 has another REDO location here: $redo" ;;
    esac
}

judge() {
    case $1 in
        promoted) promoted "$2" ;;
        reached)
            # The position is proved, and it never goes back.
            (cd / && as_service_user "$bindir/pg_ctl" -D "$data_directory" promote) >&2 || :
            writes() { [ "$(sql 'select pg_is_in_recovery()' 2>/dev/null)" = f ]; }
            if wait_for 60 writes; then leads && promoted "$2"; else judge asked "$2"; fi
            ;;
        primary) already ;;
        asked) fact undecided yes && fail "the promotion was asked for and is not finished within 60 s" ;;
        behind*) refused "everything up to and including the record at $2" "replayed up to ${1#behind }" ;;
        *) fail "cannot promote: ${1:-the server did not answer}" ;;
    esac
}

main() {
    position=$least
    if [ "$handover" = yes ]; then
        told=$(mktemp)
        answer=$(armed 5>"$told" | psql_here | while IFS= read -r line; do
            case $line in
                connected) fact armed yes ;;
                promoted) leads && echo promoted ;;
                *) printf '%s\n' "$line" ;;
            esac
        done) || :
        position=$(cat "$told")
        rm -f "$told"
        if [ -z "$position" ]; then
            refused "the primary stopped" "it did not"
            return
        fi
    else
        answer=$(ask_to_promote "${position:-0/0}" | psql_here) || :
    fi
    patience=$(($(date +%s) + seconds))
    while [ "${answer#behind}" != "$answer" ] && [ "$(date +%s)" -le "$patience" ]; do
        sleep 0.1
        answer=$(ask_to_promote "$position" | psql_here) || :
    done
    # Told again where it was not told at once: the first time counts.
    if [ "$answer" = promoted ]; then leads; fi
    judge "$answer" "$position"
}

exec 6<&0
