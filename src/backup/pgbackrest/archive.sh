# pgbackrest-archive TOP PATH NAME: written by pgrepl. PostgreSQL's archive_command calls it for each finished WAL file.
# pgbackrest itself refuses a segment of another cluster, and another content under the same name.
top=$1 path=$2
cluster=${top##*/}

refuse() {
    printf 'pgbackrest-archive: %s\n' "$1" >&2
    exit 1
}

marked "$top" refuse "pgbackrest/archive/$cluster"
at_work "$top" refuse pgbackrest "--config=/etc/pgbackrest/$cluster.conf" "--stanza=$cluster" archive-push "$path"
