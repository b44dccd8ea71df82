# What the unit of a backup runs as the service user: one job at a time on the mount.
# In: as take.sh
as_owner() { "$@"; }
log=$top/base/$id.inprogress/log
lock_mount backup 20 >>"$log" 2>&1 || {
    echo "the mount $why" >>"$log"
    exit 1
}
trap unlock_mount EXIT
take_backup
