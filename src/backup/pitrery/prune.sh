# Removes the oldest backups, of which some may be of no use, and the WAL before the oldest one that stays. What was removed is what is gone.
# In: top ids (names of those that go, sorted, separated by blanks) before (position part of the oldest segment needed)
main() {
    check_owner
    lock_mount expire 20 || fail "the mount $why"
    trap unlock_mount EXIT
    all=0
    gone=0
    for known in "$repository"/[0-9]*; do
        id=${known##*/}
        all=$((all + 1))
        case " $ids " in *" $id "*) gone=$((gone + 1)) ;; esac
    done
    [ "$gone" -gt 0 ] || {
        already
        return
    }
    kept=$((all - gone))
    [ "$kept" -gt 0 ] || refused "a backup that stays" "none"
    shown=$(pitrery_ purge -m "$kept" -N 2>&1) || :
    for known in "$repository"/[0-9]*; do
        id=${known##*/}
        would=no
        case $shown in *"$repository/$id"*) would=yes ;; esac
        case " $ids " in *" $id "*) [ "$would" = yes ] ;; *) [ "$would" = no ] ;; esac || refused "to remove $ids" "pitrery purge would decide otherwise on $id"
    done
    said=$(pitrery_ purge -m "$kept" 2>&1) || :
    printf '%s\n' "$said" >&2
    for id in $ids; do
        [ ! -d "$repository/$id" ] || fail "backup $id is still there: $(printf '%s\n' "$said" | tail -n 1)"
        rm -f "$top/notes/$id"
    done
    ok "$kept backups stay"
}
