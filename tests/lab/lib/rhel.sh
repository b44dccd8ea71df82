# shellcheck shell=bash
# An imitation of a host of the RHEL family: Debian below, with rpm, dnf, the os-release of Rocky Linux and a repository of
# RPM packages that are laid out as those of the PostgreSQL project are. The programs in them are Debian's, or of the lab's trees.

# Fills the layer of a flavour that imitates, with a package of Debian's server, or one of each minor version of which the first
# is installed: rhel_tree TREE VERSION LOG [MINORS]
rhel_tree() {
    local tree=$1 version=$2 log=$3 minors=${4:-} minor
    in_tree "$tree" apt-get install -y -qq dnf rpm createrepo-c >"$log" 2>&1 || die "cannot install dnf and rpm, see $log"
    mkdir -p "$tree/srv/build" "$tree/srv/pgdg"
    if [ -z "$minors" ]; then
        in_tree "$tree" apt-get install -y -qq "postgresql-$version" "postgresql-client-$version" >>"$log" 2>&1 ||
            die "cannot install PostgreSQL $version, see $log"
        rhel_packages "$tree" "$version" 0 "$log"
    fi
    for minor in $minors; do offer_server "$tree" "$version" "$minor" "$log"; done
    for minor in $minors; do
        install_server "$tree" "$minor" "$log"
        # The project's servers listen where its client programs look.
        sed -i "s|^#\(unix_socket_directories = \)'/tmp'|\1'/run/postgresql, /tmp'|" \
            "$tree/usr/share/postgresql/$version/postgresql.conf.sample"
        rhel_packages "$tree" "$version" "${minor#*.}" "$log"
    done
    in_tree "$tree" sh -s "$version" >>"$log" 2>&1 <<'TXT' || die "cannot set up dnf, see $log"
set -eu
createrepo_c -q /srv/pgdg
rpm -i --nodeps --force-debian /srv/pgdg/*/lab-system-*.rpm
# Only what the programs are linked with stays of Debian's PostgreSQL.
apt-get purge -y -qq "postgresql-$1" "postgresql-client-$1" postgresql-common postgresql-client-common
rm -rf /etc/postgresql /etc/postgresql-common /usr/lib/postgresql /usr/share/postgresql /var/lib/postgresql /var/log/postgresql
userdel postgres
if getent group postgres >/dev/null; then groupdel postgres; fi
mkdir -p /etc/yum.repos.d
printf '[pgdg-lab]\nname=PostgreSQL for the lab\nbaseurl=file:///srv/pgdg\nenabled=1\ngpgcheck=0\n' >/etc/yum.repos.d/pgdg-lab.repo
rm -rf /srv/build /srv/postgresql /etc/apt/sources.list.d/lab.list /etc/os-release
cat >/etc/os-release <<'REL'
NAME="Rocky Linux"
VERSION="9.4 (imitated on Debian)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.4"
PRETTY_NAME="Rocky Linux 9.4 (imitated on Debian)"
REL
TXT
    minor=${minors%% *}
    # With what holds packages there, and without what makes a repository of all that was downloaded.
    [ -z "$minor" ] || in_tree "$tree" sh -c 'apt-get install -y -qq dnf-plugins-core && sed -i "s/^enabled.*/enabled = false/" /etc/dnf/plugins/local.conf' \
        >>"$log" 2>&1 || die "cannot install versionlock, see $log"
    [ -z "$minor" ] || in_tree "$tree" dnf install -y -q "postgresql$version-server-$minor" "postgresql$version-$minor" >>"$log" 2>&1 ||
        die "cannot install PostgreSQL $minor, see $log"
}

# Makes packages of the server that is installed as Debian's: rhel_packages TREE VERSION MINOR LOG
rhel_packages() {
    rhel_specs "$2" "$3" "$1/srv/build"
    in_tree "$1" sh -s >>"$4" 2>&1 <<'TXT' || die "cannot build the RPM packages, see $4"
set -eu
cd /srv/build
for spec in *.spec; do rpmbuild -bb --define '_topdir /srv/build' --define '_rpmdir /srv/pgdg' "$spec"; done
TXT
}

# The packages: the client programs, the server, and one that stands for all that Debian provides.
rhel_specs() {
    local version=$1 minor=$2 place=$3
    cat >"$place/system.spec" <<'TXT'
Name: lab-system
Version: 1
Release: 1
Summary: What Debian provides
License: none
BuildArch: noarch
Provides: /bin/sh
AutoReqProv: no
%description
What Debian provides.
%files
TXT
    cat >"$place/client.spec" <<TXT
Name: postgresql$version
Version: $version.$minor
Release: 1PGDG
Summary: PostgreSQL client programs
License: PostgreSQL
AutoReqProv: no
%define __strip /bin/true
%define debug_package %{nil}
%description
Client programs.
%install
b=%{buildroot}/usr/pgsql-$version/bin
mkdir -p \$b %{buildroot}/usr/bin
for p in psql pg_basebackup pg_dump pg_dumpall pg_restore pg_isready pg_receivewal pg_verifybackup pg_amcheck createdb dropdb createuser; do
    cp /usr/lib/postgresql/$version/bin/\$p \$b/
done
ln -s /usr/pgsql-$version/bin/psql %{buildroot}/usr/bin/psql
%files
/usr/pgsql-$version/bin/*
/usr/bin/psql
TXT
    cat >"$place/server.spec" <<TXT
Name: postgresql$version-server
Version: $version.$minor
Release: 1PGDG
Summary: PostgreSQL server
License: PostgreSQL
Requires: postgresql$version = $version.$minor
AutoReqProv: no
%define __strip /bin/true
%define debug_package %{nil}
%description
Server.
%install
b=%{buildroot}/usr/pgsql-$version/bin
mkdir -p \$b %{buildroot}/usr/share/postgresql %{buildroot}/usr/lib/systemd/system %{buildroot}/usr/lib/tmpfiles.d
for p in initdb pg_ctl postgres pg_controldata pg_rewind pg_resetwal pg_waldump pg_checksums pg_upgrade pg_archivecleanup; do
    cp /usr/lib/postgresql/$version/bin/\$p \$b/
done
# The programs find their libraries beside themselves, and the rest where Debian has it.
cp -r /usr/lib/postgresql/$version/lib %{buildroot}/usr/pgsql-$version/lib
cp -r /usr/share/postgresql/$version %{buildroot}/usr/share/postgresql/
ln -s ../share/postgresql/$version %{buildroot}/usr/pgsql-$version/share
cp unit %{buildroot}/usr/lib/systemd/system/postgresql-$version.service
cp setup \$b/postgresql-$version-setup
cp check \$b/postgresql-$version-check-db-dir
chmod 755 \$b/*
echo 'd /run/postgresql 0755 postgres postgres -' >%{buildroot}/usr/lib/tmpfiles.d/postgresql-$version.conf
mkdir -p %{buildroot}/var/lib/pgsql/$version/data %{buildroot}/var/lib/pgsql/$version/backups
%pre
getent group postgres >/dev/null || groupadd -g 543 -o -r postgres
getent passwd postgres >/dev/null || useradd -M -g postgres -o -r -d /var/lib/pgsql -s /bin/bash -c "PostgreSQL Server" -u 543 postgres
%post
systemd-tmpfiles --create /usr/lib/tmpfiles.d/postgresql-$version.conf || :
systemctl daemon-reload || :
# As the project's packages do: an update restarts a server that runs.
%postun
systemctl daemon-reload || :
[ \$1 -eq 0 ] || systemctl try-restart postgresql-$version.service || :
%files
/usr/pgsql-$version/bin/*
/usr/pgsql-$version/lib
/usr/pgsql-$version/share
/usr/share/postgresql/$version
/usr/lib/systemd/system/postgresql-$version.service
/usr/lib/tmpfiles.d/postgresql-$version.conf
%attr(700,postgres,postgres) %dir /var/lib/pgsql
%attr(700,postgres,postgres) %dir /var/lib/pgsql/$version
%attr(700,postgres,postgres) %dir /var/lib/pgsql/$version/data
%attr(700,postgres,postgres) %dir /var/lib/pgsql/$version/backups
TXT
    mkdir -p "$place/BUILD"
    # The lab's trees are built without systemd: what they do not tell it is read in their file instead.
    local ready='Type=notify'
    [ "$minor" = 0 ] || ready='Type=exec
ExecStartPost=/bin/sh -c '\''until [ "$(head -n 1 $PGDATA/postmaster.pid)" = $MAINPID ] && grep -qE "^(ready|standby)" $PGDATA/postmaster.pid; do sleep 0.1; done'\'
    cat >"$place/BUILD/unit" <<TXT
[Unit]
Description=PostgreSQL $version database server
After=network-online.target

[Service]
$ready
User=postgres
Group=postgres
Environment=PGDATA=/var/lib/pgsql/$version/data/
ExecStartPre=/usr/pgsql-$version/bin/postgresql-$version-check-db-dir \${PGDATA}
ExecStart=/usr/pgsql-$version/bin/postgres -D \${PGDATA}
ExecReload=/bin/kill -HUP \$MAINPID
KillMode=mixed
KillSignal=SIGINT
TimeoutSec=0
TimeoutStartSec=0
TimeoutStopSec=1h

[Install]
WantedBy=multi-user.target
TXT
    cat >"$place/BUILD/check" <<TXT
#!/bin/sh
[ -f "\$1/PG_VERSION" ] || {
    echo "\"\$1\" is missing or empty. Use \"/usr/pgsql-$version/bin/postgresql-$version-setup initdb\" to initialize the database cluster."
    exit 1
}
TXT
    cat >"$place/BUILD/setup" <<TXT
#!/bin/bash
# As the PostgreSQL project's: initdb as postgres, in the PGDATA of the unit.
[ "\$1" = initdb ] || exit 2
PGDATA=\$(systemctl show -p Environment postgresql-$version.service | sed 's/^Environment=//' | tr ' ' '\n' | sed -n 's/^PGDATA=//p' | tail -n 1)
PGLOG=/var/lib/pgsql/$version/initdb.log
[ -n "\$PGDATA" ] || exit 1
if [ -f "\$PGDATA/PG_VERSION" ]; then
    echo 'Data directory is not empty!'
    exit 1
fi
printf 'Initializing database ... '
if [ ! -e "\$PGDATA" ]; then
    mkdir "\$PGDATA" || exit 1
    chown postgres:postgres "\$PGDATA"
    chmod go-rwx "\$PGDATA"
fi
touch "\$PGLOG" && chown postgres:postgres "\$PGLOG" && chmod go-rwx "\$PGLOG"
su -l postgres -c "/usr/pgsql-$version/bin/initdb --pgdata='\$PGDATA' --auth='ident' \$PGSETUP_INITDB_OPTIONS" >>"\$PGLOG" 2>&1 </dev/null
mkdir "\$PGDATA/log" && chown postgres:postgres "\$PGDATA/log" && chmod go-rwx "\$PGDATA/log"
if [ -f "\$PGDATA/PG_VERSION" ]; then echo OK; else
    echo 'failed, see '"\$PGLOG"
    exit 1
fi
TXT
}
