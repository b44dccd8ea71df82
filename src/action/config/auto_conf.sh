# Takes parameters out of postgresql.auto.conf.
# In: keys
main() {
    if accepts_connections; then
        for key in $keys; do
            sql "alter system reset $key" || fail "cannot reset $key"
        done
    else
        auto=$data_directory/postgresql.auto.conf
        forget_keys "$auto" "$keys"
    fi
    ok
}
