//! What an engine supplies.

use serde::{Deserialize, Serialize};

use crate::facts::backups::Backups;
use crate::facts::retention::Rule;
use crate::inventory::Keep;
use crate::postgres::Major;

/// A program of an engine that stands on every host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The configuration file of an engine's own program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Configuration {
    /// Its name in a plan.
    pub name: &'static str,
    /// The template it is rendered from.
    pub template: &'static str,
    /// Where it stands, as `<cluster>.conf`.
    pub directory: &'static str,
}

/// What an engine does on a host; the verbs that send these tell what each is given.
#[derive(Debug, PartialEq, Eq)]
pub struct Scripts {
    /// Makes its repository on the mount, where it wants one made.
    pub prepare: Option<&'static str>,
    /// Reads which backups there are, and writes nothing.
    pub list: &'static str,
    /// Takes a backup.
    pub take: &'static str,
    /// What the unit does that it starts for that.
    pub work: &'static str,
    /// Verifies backups.
    pub verify: &'static str,
    /// Verifies archived WAL; without it that is what `verify` does too, for all backups at once.
    pub verify_wal: Option<&'static str>,
    /// Removes those that go, and the WAL before what stays.
    pub prune: &'static str,
}

/// How much of the data a backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// All of it.
    #[default]
    Full,
    /// What changed since the last full one.
    Differential,
    /// What changed since the last one.
    Incremental,
}

impl Depth {
    /// Names it, as scripts do.
    pub fn word(self) -> &'static str {
        match self {
            Depth::Full => "full",
            Depth::Differential => "differential",
            Depth::Incremental => "incremental",
        }
    }
}

/// A backup engine.
pub trait Engine: Sync {
    /// Names it as the inventory does.
    fn name(&self) -> &'static str;

    /// Names the packages it needs besides PostgreSQL's.
    fn packages(&self) -> &'static [&'static str] {
        &[]
    }

    /// Tells what its program must hear to say its version.
    fn version_argument(&self) -> &'static str {
        ""
    }

    /// Names what below TOP is its own; what another engine has left there may go.
    fn directory(&self) -> &'static str;

    /// Names the file below TOP that shows its repository, where it wants one made; `CLUSTER` stands for the cluster.
    fn repository(&self) -> &'static str {
        ""
    }

    /// Names the directory that its program logs into.
    fn log_directory(&self) -> &'static str {
        ""
    }

    /// Gives what only its own configuration needs, by the names in the template.
    fn words(&self, _top: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Reads how many backups its configuration keeps.
    fn kept(&self, _configuration: &str) -> Option<Keep> {
        None
    }

    /// Says whether a command is its program for a WAL file where somebody else has set it up.
    fn is_foreign(&self, _archive_command: &str) -> bool {
        false
    }

    /// Gives the shell text that tells, as the fact `foreign_backups`, where such a one keeps its backups.
    fn find(&self) -> &'static str {
        ""
    }

    /// Gives what `archive_command` calls with TOP, the path and the name of a WAL file: it ends with 0 only when that
    /// is on the mount for good.
    fn archive_program(&self) -> Program;

    /// Gives what `restore_command` calls with TOP, the name, the path and `standby` or `recovery`: it ends with 0 only
    /// with a whole file, with 1 when the archive does not have it, and stops a recovery when the archive is not there.
    fn restore_program(&self) -> Program;

    /// Names the file that its own program reads on each host.
    fn configuration(&self) -> Option<Configuration> {
        None
    }

    /// Says whether its program, by what it says of its version, is of the generation before the newest.
    fn is_older(&self, _version: &str) -> bool {
        false
    }

    /// Gives `unpack_backup`, a function of the shell that brings a backup into an empty data directory as the service user,
    /// whatever is on the host besides, and fails, with the reason last, when any of it is damaged.
    fn unpack(&self) -> &'static str;

    /// Gives its scripts.
    fn scripts(&self) -> &'static Scripts;

    /// Gives what only its own script that takes a backup is told: `compress` are pg_basebackup's options.
    fn take_variables(&self, _major: Major, _compress: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Says whether a backup has the name of the run that asked for it; else its program names it.
    fn names_by_run(&self) -> bool {
        false
    }

    /// Says whether it takes backups on a standby.
    fn backs_up_standbys(&self) -> bool {
        false
    }

    /// Says whether its program decides itself what goes with a backup: WAL that is older than those that stay, and older
    /// backups of no use.
    fn counts_itself(&self) -> bool {
        self.has_program()
    }

    /// Says whether it has a program of its own, which must be on the hosts.
    fn has_program(&self) -> bool {
        self.configuration().is_some()
    }

    /// Reads what the script that lists has told.
    fn listed(&self, facts: &[(String, String)]) -> Backups;

    /// Names the depths that backups of a version can have.
    fn depths(&self, _major: Major) -> &'static [Depth] {
        &[Depth::Full]
    }

    /// Tells how it counts the backups that are kept.
    fn rule(&self, keep: Keep) -> Rule {
        Rule {
            keep,
            chains: false,
            bridges: false,
        }
    }

    /// Gives what the timer calls on every host: it needs nothing but the variables of its unit, takes a backup where the
    /// role is and removes what is beyond those that are kept.
    fn scheduled(&self) -> &'static str;

    /// Tells where an archived segment is: a shell pattern below TOP with `CLUSTER`, `SEGMENT` and, for its
    /// first 16 digits, `LOG`.
    fn archived(&self) -> &'static str;
}

/// Returns what follows a key at the beginning of a line, without quotes.
pub(in crate::backup) fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    lines.find_map(|line| Some(line.strip_prefix(key)?.trim_matches('"')))
}
