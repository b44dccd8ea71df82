# Runs a command of the inventory with what happens on its standard input; it is done only if it ends with 0 in time.
# In: hook (shell text) facts (JSON) seconds
main() {
    # Where pgrepl was called, or the login begins.
    cd "${OLDPWD:-/}"
    code=0
    printf '%s\n' "$facts" | timeout "$seconds" sh -c "$hook" >&2 7>&- || code=$?
    case $code in
        0) ok ;;
        124) fail "it took longer than $seconds s" ;;
        *) fail "it ended with exit code $code" ;;
    esac
}
