# pgBackRest as the service user, with the cluster's own configuration and nothing from the environment.
# In: top
conf=/etc/pgbackrest/$cluster.conf

backrest() {
    [ -f "$conf" ] || refused "$conf" "none"
    (cd / && as_service_user env -i "PATH=$PATH" "HOME=$home" LC_ALL=C TZ=UTC pgbackrest "--config=$conf" "--stanza=$cluster" --no-log-timestamp "$@")
}

# The last word of its log about what went wrong.
backrest_error() { sed -n 's/^ *P[0-9]* *ERROR: *//p; s/^ERROR: *//p' | tail -n 1; }

# Removes by the rule of the configuration; with --dry-run it only tells. What it says: the backups, and the position
# part of the last segment.
expire() { backrest expire --log-level-console=info "$@" 2>&1; }
expired_backups() { sed -n 's/.*remove expired backup //p' | sort; }
expired_wal() { sed -n 's/.*remove archive, .*stop = [0-9A-F]\{8\}\([0-9A-F]\{16\}\).*/\1/p' | sort | tail -n 1; }

# Its lines tell the share of the bytes that it has worked on: show_progress LOG
show_progress() {
    share=$(as_service_user tail -c 2000 "$1" | sed -n 's/.*, \([0-9.]*\)%).*/\1/p' | tail -n 1)
    if [ -n "$share" ]; then progress "$(awk -v share="$share" -v total="$total" 'BEGIN { printf "%d", share * total / 100 }')" "$total"; fi
}
