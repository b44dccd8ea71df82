//! What an inventory says that reaches beyond itself on the machine that reads it: not for everybody to say.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::at::At;
use super::file::{File, Host, Password, Pgbouncer};
use super::words::Text;
use crate::inventory::problem::Problem;

/// Something that reaches beyond the inventory, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    span: Range<usize>,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    PasswordCommand,
    Hook,
    PasswordFile(PathBuf),
    SshConfiguration,
    Platform,
    Templates(PathBuf),
}

/// Collects all of it.
pub(super) fn reaches(file: &File) -> Vec<Reach> {
    let mut found = Vec::new();
    let mut add = |span: &Range<usize>, what| {
        let span = span.clone();
        found.push(Reach { span, what });
    };
    let hosts = file.hosts.iter().filter_map(|hosts| hosts.value.as_ref());
    let hosts: Vec<&Host> = hosts
        .flat_map(|hosts| &hosts.0)
        .filter_map(|(_, host)| host.value.as_ref())
        .collect();
    let ssh = hosts.iter().filter_map(|host| host.ssh.as_ref());
    let clients = file
        .clients
        .iter()
        .filter_map(|clients| clients.value.as_ref());
    let poolers: Vec<&Pgbouncer> = clients
        .clone()
        .filter_map(|clients| clients.pgbouncer.as_ref()?.value.as_ref())
        .flatten()
        .filter_map(|pooler| pooler.value.as_ref())
        .collect();
    let hooks = clients
        .clone()
        .filter_map(|clients| clients.hooks.as_ref()?.value.as_ref())
        .flat_map(|hooks| {
            [
                &hooks.before_demote,
                &hooks.after_promote,
                &hooks.after_follow,
                &hooks.on_failure,
            ]
        })
        .filter_map(|list| list.as_ref()?.value.as_ref())
        .flatten();
    for hook in hooks {
        add(&hook.span, What::Hook);
    }
    let pooled = poolers.iter().filter_map(|pooler| pooler.ssh.as_ref());
    for ssh in file.ssh.iter().chain(ssh).chain(pooled) {
        let ssh = ssh.value.as_ref();
        if let Some(config) = ssh.and_then(|ssh| ssh.config_file.as_ref()) {
            add(&config.span, What::SshConfiguration);
        }
    }
    let postgresql = file.postgresql.value.iter();
    let platforms = postgresql.filter_map(|postgresql| postgresql.platform.as_ref());
    for platform in platforms.chain(hosts.iter().filter_map(|host| host.platform.as_ref())) {
        add(&platform.span, What::Platform);
    }
    let path = |text: &At<Text>| text.value.as_ref().map(|text| PathBuf::from(&text.0));
    let replication = file.replication.value.as_ref();
    match replication.and_then(|replication| replication.password.value.as_ref()) {
        Some(Password::Command(command)) => add(&command.span, What::PasswordCommand),
        Some(Password::File(text)) => {
            if let Some(path) = path(text) {
                add(&text.span, What::PasswordFile(path));
            }
        }
        Some(Password::Env(_)) | None => {}
    }
    if let Some(text) = &file.templates
        && let Some(path) = path(text)
    {
        add(&text.span, What::Templates(path));
    }
    found
}

/// Returns why an inventory is refused that somebody wrote who is not trusted; `inside` says whether a path stays in the
/// inventory's directory.
pub fn refused(reaches: &[Reach], inside: impl Fn(&Path) -> bool) -> Vec<Problem> {
    let mut problems: Vec<Problem> = reaches
        .iter()
        .filter_map(|reach| {
            let (message, label) = match &reach.what {
                What::Hook => (
                    "a hook is not run with --untrusted",
                    "it would run on this machine, or as root on a host",
                ),
                What::PasswordCommand => (
                    "a command for the password is not run with --untrusted",
                    "it would run on this machine",
                ),
                What::SshConfiguration => (
                    "`config_file` is not read with --untrusted",
                    "it can say which programs ssh runs on this machine",
                ),
                What::Platform => (
                    "`platform` is not taken with --untrusted",
                    "it says which programs and commands run on the hosts",
                ),
                What::PasswordFile(path) | What::Templates(path) if inside(path) => return None,
                What::PasswordFile(_) => (
                    "a password file elsewhere is not taken with --untrusted",
                    "not in the inventory's directory",
                ),
                What::Templates(_) => (
                    "templates from elsewhere are not read with --untrusted",
                    "not in the inventory's directory",
                ),
            };
            let problem = Problem::new(reach.span.clone(), message, label)
                .help("where the inventory's author is trusted: run it without --untrusted");
            Some(match reach.what {
                // What stands in a command is nobody's business in the log of CI.
                What::PasswordCommand => problem.secret(),
                _ => problem,
            })
        })
        .collect();
    problems.sort_by_key(|problem| problem.span.start);
    problems
}
