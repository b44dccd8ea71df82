# What the unit of a backup runs as the service user.
# In: cluster top node depth job (a directory of its own: log, and once there is a backup complete, with its name)
exec >>"$job/log" 2>&1
lock_mount backup 20 || fail "the mount $why"
trap end_work EXIT
take "$job/log"
printf '%s\n' "$id" >"$job/complete.new"
mv "$job/complete.new" "$job/complete"
