# shellcheck shell=sh
# Gives a backup that is whole its name. Its marks go afterwards: whoever dies in front of that leaves a backup, and whoever
# dies before it leaves one that the next run knows and ends.
# In: top id
finish_backup() {
    mv "$top/base/$id.inprogress" "$top/base/$id" || return
    rm -f "$top/base/$id/complete" "$top/base/$id/host"
    sync "$top/base/$id" "$top/base"
}
