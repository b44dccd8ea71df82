//! A host behind SSH: one multiplexed connection of the user's own ssh, one channel per command.

use std::cell::{Cell, RefCell};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use openssh::{ControlPersist, KnownHosts, Session, SessionBuilder, Stdio};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::sync::{Notify, OnceCell};

use super::answer::{each_line, parse_line};
use super::gate::Gate;
use super::{Gone, Host, HostError, Line, Running, Word, errors};
use crate::command::{Command, Vault};
use crate::inventory::{self, Become, NodeName, Ssh};

/// A host behind SSH; the connection is made by its first command and kept for the next ones.
pub struct SshHost {
    name: String,
    destination: String,
    builder: SessionBuilder,
    r#become: Become,
    session: OnceCell<Session>,
    gone: OnceCell<String>,
    news: Notify,
}

/// How often ssh asks a silent host whether it is there; it gives up when three questions were not answered.
const ALIVE: Duration = Duration::from_secs(5);
/// How long a login may take in all; ssh itself bounds only its beginning.
const LOGIN: Duration = Duration::from_secs(30);

/// The directory of the control sockets: private, short (socket names are limited to 108 bytes), and gone with the run.
pub fn control_directory() -> std::io::Result<tempfile::TempDir> {
    let place = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_dir() && path.as_os_str().len() <= 40)
        .unwrap_or_else(|| PathBuf::from("/tmp"));
    // Whoever could connect to a socket in there would be logged in.
    let owner_only = std::fs::Permissions::from_mode(0o700);
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("pgrepl-").permissions(owner_only);
    builder.tempdir_in(place)
}

impl SshHost {
    /// Describes a host; nothing is contacted yet.
    pub fn new(name: &NodeName, ssh: &Ssh, r#become: Become, control_directory: &Path) -> Self {
        let mut builder = SessionBuilder::default();
        builder
            .known_hosts_check(match ssh.known_hosts {
                inventory::KnownHosts::Strict => KnownHosts::Strict,
                inventory::KnownHosts::AcceptNew => KnownHosts::Add,
            })
            .connect_timeout(Duration::from_secs(10))
            .server_alive_interval(ALIVE)
            .control_directory(control_directory)
            .control_persist(ControlPersist::IdleFor(
                std::num::NonZeroUsize::MIN.saturating_add(59),
            ));
        if let Some(user) = &ssh.user {
            builder.user(user.clone());
        }
        if let Some(port) = ssh.port {
            builder.port(port);
        }
        if let Some(key) = &ssh.identity_file {
            builder.keyfile(home(key));
        }
        if let Some(jump) = &ssh.jump {
            builder.jump_hosts([jump]);
        }
        if let Some(config) = &ssh.config_file {
            builder.config_file(home(config));
        }
        Self {
            name: name.to_string(),
            destination: name.to_string(),
            builder,
            r#become,
            session: OnceCell::new(),
            gone: OnceCell::new(),
            news: Notify::new(),
        }
    }

    async fn session(&self) -> Result<&Session, HostError> {
        self.session
            .get_or_try_init(|| async {
                for last in [false, true] {
                    let login = self.builder.connect_mux(&self.destination);
                    match tokio::time::timeout(LOGIN, login).await {
                        Err(_) => {
                            return Err(HostError::Unreachable(errors::explain(
                                &self.name,
                                "Connection timed out during the login",
                            )));
                        }
                        Ok(Ok(session)) => return Ok(session),
                        Ok(Err(error)) => {
                            let text = chain(&error);
                            // sshd drops connections at random when many arrive at once; nothing was tried yet.
                            if last || !text.contains("kex_exchange_identification") {
                                return Err(HostError::Unreachable(errors::explain(
                                    &self.name, &text,
                                )));
                            }
                            tokio::time::sleep(Duration::from_secs(2)).await;
                        }
                    }
                }
                unreachable!("the second attempt returns")
            })
            .await
    }

    /// Remembers that the connection is gone, if it is: a channel may end alone.
    async fn see_whether_gone(&self) {
        let Some(session) = self.session.get() else {
            return;
        };
        let there = tokio::time::timeout(LOGIN, session.check()).await;
        if !matches!(there, Ok(Ok(()))) {
            let _ = self.gone.set(format!(
                "lost the connection to {}: it does not answer any more",
                self.name
            ));
            self.news.notify_waiters();
        }
    }

    async fn talk(
        &self,
        command: &Command,
        vault: &Vault,
        say: &dyn Fn(&Line),
        gate: &Gate,
        word: Word<'_>,
    ) -> Result<Vec<Line>, HostError> {
        let session = self.session().await?;
        let Some(text) = command.text(vault) else {
            return Err(HostError::Lost(format!(
                "cannot {} on {}: a secret it needs was not given",
                command.what, self.name
            )));
        };
        let lost =
            |why: String| HostError::Lost(format!("lost the connection to {}: {why}", self.name));
        let mut remote = session.command("/bin/sh");
        remote.arg("-c").arg(match self.r#become {
            Become::Sudo => {
                "if [ \"$(id -u)\" = 0 ]; then exec /bin/sh -s; else exec sudo -n /bin/sh -s; fi"
            }
            Become::None => "exec /bin/sh -s",
        });
        let mut child = remote
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await
            .map_err(|error| lost(chain(&error)))?;
        let pipes = (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        );
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(lost("it gave no pipes".into()));
        };
        let lines = RefCell::new(Vec::new());
        let ended = tokio::sync::Notify::new();
        let hear = |line: Line| {
            if line == Line::Said(String::new()) {
                return Ok(());
            }
            say(&line);
            gate.hear(&line);
            if let Line::Exit(_) = line {
                ended.notify_one();
            }
            lines.borrow_mut().push(line);
            Ok(())
        };
        let feed = async {
            // A host that refuses sudo closes its side early; its words on standard error say why.
            let _ = stdin.write_all(NEW_LINE).await;
            let _ = stdin.write_all(text.as_bytes()).await;
            let _ = stdin.flush().await;
            if command.heartbeat && command.gate.is_none() {
                loop {
                    tokio::time::sleep(Duration::from_secs(10)).await;
                    if stdin.write_all(b"alive\n").await.is_err() {
                        break;
                    }
                }
            }
            if command.gate.is_some() {
                gate.open(&mut stdin, word, command.heartbeat).await;
                // Its answer is due; a dead connection would be waited for much longer.
                let work = command.work.filter(|_| gate.was_opened());
                tokio::time::sleep(work.unwrap_or(gate.patience())).await;
                return;
            }
            // Standard input stays open: its end would tell the script to stop.
            std::future::pending::<()>().await;
        };
        let (limits, room) = (command.limits, Cell::new(command.limits.answer));
        let answers = each_line(BufReader::new(stdout), limits, &room, |line| {
            hear(parse_line(line)?)
        });
        let words = each_line(BufReader::new(stderr), limits, &room, |line| {
            hear(Line::Said(line.to_owned()))
        });
        // A process that cannot be killed holds the pipes for as long as it lives; what was said before has come by then.
        let over = async {
            ended.notified().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        };
        let work = async {
            tokio::select! {
                heard = async { tokio::try_join!(answers, words) } => heard.map(|_| ()),
                () = over => Ok(()),
                () = feed => Ok(()),
            }
        };
        let heard = match command.timeout {
            Some(limit) => tokio::time::timeout(limit, work).await.map_err(|_| {
                HostError::TimedOut(format!(
                    "{} on {} took longer than {} s",
                    command.what,
                    self.name,
                    limit.as_secs()
                ))
            })?,
            None => work.await,
        };
        // Who answers so is not talked to any more.
        heard.map_err(|why| {
            let why = format!("cannot read the answer of {}: {why}", self.name);
            let _ = self.gone.set(why.clone());
            self.news.notify_waiters();
            HostError::Lost(why)
        })?;
        let lines = lines.into_inner();
        if lines.iter().any(|line| matches!(line, Line::Exit(_))) {
            return Ok(lines);
        }
        let said: Vec<&str> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Said(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let said = said.join("\n");
        if lines.iter().all(|line| matches!(line, Line::Said(_))) {
            return Err(HostError::Unreachable(errors::explain(&self.name, &said)));
        }
        Err(lost(
            said.lines()
                .last()
                .unwrap_or("it ended in the middle of a script")
                .to_owned(),
        ))
    }
}

/// Ends the line that a shell's start file may have begun: the first line of an answer begins a line of its own.
const NEW_LINE: &[u8] = b"echo\n";

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(error)
        .map(|cause| format!("{cause}\n"))
        .collect()
}

/// Replaces a leading `~/` as a shell would.
fn home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_owned(),
    }
}

impl Host for SshHost {
    fn gone(&self) -> Gone<'_> {
        Box::pin(async {
            loop {
                let news = self.news.notified();
                if let Some(why) = self.gone.get() {
                    return why.clone();
                }
                // Where no command runs, nothing else hears of a connection that has ended.
                tokio::select! {
                    () = news => {}
                    () = tokio::time::sleep(ALIVE) => self.see_whether_gone().await,
                }
            }
        })
    }

    fn run_with<'a>(
        &'a self,
        command: &'a Command,
        vault: &'a Vault,
        say: &'a dyn Fn(&Line),
        word: Word<'a>,
    ) -> Running<'a> {
        Box::pin(async move {
            if let Some(why) = self.gone.get() {
                return Err(HostError::Lost(why.clone()));
            }
            let gate = Gate::default();
            let answer = self.talk(command, vault, say, &gate, word).await;
            if answer.is_err() {
                self.see_whether_gone().await;
            }
            match answer {
                Err(HostError::TimedOut(why) | HostError::Lost(why))
                    if command.gate.is_some() && !gate.was_opened() =>
                {
                    Err(HostError::NotBegun(why))
                }
                answer => answer,
            }
        })
    }
}
