# Takes parameters out of postgresql.auto.conf.
# In: keys
main() {
    if accepts_connections; then
        for key in $keys; do
            sql "alter system reset $key" || fail "cannot reset $key"
        done
    else
        auto=$data_directory/postgresql.auto.conf
        awk -v keys=" $keys " '{ name = tolower($1); sub("=.*", "", name) } index(keys, " " name " ") == 0' "$auto" >"$auto.new"
        chown "$service_user:$service_user" "$auto.new"
        mv -f "$auto.new" "$auto"
    fi
    ok
}
