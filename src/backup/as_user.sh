# In front of what runs as the service user already, without pgrepl: a failure is said, and ends it.
home=$HOME
as_service_user() { "$@"; }
fail() {
    printf '%s\n' "$1" >&2
    exit 1
}
refused() { fail "expected $1, found $2"; }
