# Writes a row on the primary, reads it on a standby, takes it away again.
# In: verb; to write and to read: token; to read: patience (seconds)

clear() {
    found=$(sql "select count(*) || ':' || coalesce(max(obj_description(oid, 'pg_namespace')), '')
                 from pg_namespace where nspname = 'pgrepl_check'")
    case $found in
        0:*) ;;
        '1:made by pgrepl check') sql 'set client_min_messages = warning; drop schema pgrepl_check cascade' ;;
        *) fail "there is a schema pgrepl_check that pgrepl did not make" ;;
    esac
}

# A table that is not there yet is an error like any other: it is asked again.
arrived() { [ "$(sql 'select token from pgrepl_check.proof' 2>/dev/null)" = "$token" ]; }

main() {
    case $verb in
        write)
            # What an interrupted run left behind.
            clear
            # A synchronous standby that is gone must show as one that did not read, not as a write that hangs.
            sql "begin; set local synchronous_commit = local;
                 create schema pgrepl_check; comment on schema pgrepl_check is 'made by pgrepl check';
                 create table pgrepl_check.proof (token text); insert into pgrepl_check.proof values ('$token'); commit;"
            fact written yes
            ;;
        read)
            patience=$(($(date +%s) + patience))
            until arrived; do
                [ "$(date +%s)" -lt "$patience" ] || fail "the row has not arrived"
            done
            ;;
        drop) clear ;;
    esac
    ok
}
