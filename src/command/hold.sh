# shellcheck shell=sh
# In front of a step that changes the host, by root whoever runs the rest. The step holds a lock for as long as it and its
# children live, with its name in it: the connection of a run may end before its work does. The kernel frees it.
# In: cluster, step
mkdir -p /run/pgrepl && exec 4>>"/run/pgrepl/$cluster.work"
flock -w 10 4 || {
    printf '@fail another run is at work here: %s\n@exit 0\n' "$(head -n 1 "/run/pgrepl/$cluster.work" | sed 's/\\/&&/g')"
    exit 0
}
printf '%s\n' "$step" >"/run/pgrepl/$cluster.work"
