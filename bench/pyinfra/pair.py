# What `pgrepl plan` checks on a pair, in pyinfra's own operations.
from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.operations import apt, files, systemd

FILES = host.data.files
apt.packages(packages=["postgresql-15", "postgresql-client-15"], _sudo=True)
files.put(src=f"{FILES}/{host.name}.postgresql.conf", dest="/etc/postgresql/15/main/postgresql.conf",
          user="postgres", group="postgres", mode="644", _sudo=True)
files.put(src=f"{FILES}/{host.name}.pg_hba.conf", dest="/etc/postgresql/15/main/pg_hba.conf",
          user="postgres", group="postgres", mode="640", _sudo=True)
systemd.service(service="postgresql@15-main", running=True, _sudo=True)
host.get_fact(Command, command="psql -XAtqc 'select pg_is_in_recovery(), (select count(*) from pg_stat_replication)'",
              _sudo=True, _sudo_user="postgres")
