# Logs in to another server the way this one would when it follows it, and reads who answers.
# In: conninfo system_id
main() {
    answer=$(printf 'IDENTIFY_SYSTEM\n' | (cd / && as_service_user "$clients/psql" -XAtq -w -F ' ' \
        -d "$conninfo dbname=replication replication=true" 2>&1)) ||
        fail "cannot log in for replication: $(printf '%s\n' "$answer" | sed -n 's/.*FATAL: *//p; s/.*error: *//p' | head -n 1)"
    # A server may warn whoever logs in, of a password that ends soon: what it answers begins with its number.
    found=$(printf '%s\n' "$answer" | sed -n 's/^\([0-9][0-9]*\) .*/\1/p')
    [ "$found" = "$system_id" ] || refused "system identifier $system_id" "${found:-${answer%% *}}"
    already
}
