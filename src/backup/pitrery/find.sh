# Tells where somebody's own pitrery keeps its backups. Only what is a plain assignment is read; the file may hold what is
# nobody's business, and is not run.
for file in /etc/pitrery/pitrery.conf /etc/pitrery/pitr.conf; do
    if [ ! -r "$file" ]; then continue; fi
    directory=$(sed -n "s/^[[:blank:]]*BACKUP_DIR=[\"']\{0,1\}\(\/[^\"'\$ ]*\).*/\1/p" "$file" | tail -n 1)
    if [ -n "$directory" ]; then
        fact foreign_backups "$directory"
        break
    fi
done
