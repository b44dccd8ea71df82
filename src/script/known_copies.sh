# shellcheck shell=sh
# The copies of the cluster beside it, by their directories: one whose server does not run is found by this.
# In: directory

known_copies=/var/lib/pgrepl/$cluster/copies

is_known_copy() { grep -qsxF -e "$directory" "$known_copies"; }

# Remembers a copy before it is made.
know_copy() {
    mkdir -p "${known_copies%/*}"
    ! is_known_copy || return 0
    printf '%s\n' "$directory" >>"$known_copies" || fail "cannot write $known_copies"
    sync "$known_copies" 2>/dev/null || :
}

# Forgets one that is gone.
forget_copy() {
    [ -f "$known_copies" ] || return 0
    grep -vxF -e "$directory" "$known_copies" >"$known_copies.new" || :
    mv -f "$known_copies.new" "$known_copies" || fail "cannot write $known_copies"
}
