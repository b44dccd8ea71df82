# shellcheck shell=sh
# Writes a file of root's own, in a directory of root's own, whole or not at all: put_root PATH MODE TEXT
put_root() {
    { printf '%s' "$3" >"$1.new" && chown root:root "$1.new" && chmod "$2" "$1.new" && sync "$1.new" && mv "$1.new" "$1"; } ||
        fail "cannot write $1"
}
