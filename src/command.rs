//! A command for a host, as a value: it can be printed, compared and quoted without being run.

use std::collections::BTreeMap;
use std::time::Duration;

/// What stands in front of a command that holds its host.
const HOLD: &str = include_str!("command/hold.sh");

/// One POSIX shell script with its variables, to be run as root on a host, or as another user.
///
/// The script text is static and never holds a value from the inventory; values arrive as shell
/// variables, quoted by [`shell_quote`], in front of it. Everything travels on standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it does, for people: "write postgresql.conf".
    pub what: String,
    /// The body: shell text that reports its result as `@` lines (see `src/script/prelude.sh`).
    pub script: &'static str,
    /// Variables set before the body, by name.
    pub vars: BTreeMap<&'static str, Var>,
    /// Who runs it whole; root where nobody is named.
    pub user: Option<String>,
    /// How long it may take in all; `None` for work whose length depends on the data.
    pub timeout: Option<Duration>,
    /// Whether it lives as long as pgrepl does: a line every ten seconds tells it so, or every second while it waits at a gate.
    pub heartbeat: bool,
    /// The word of another step that it waits for in the middle: its script says `@fact armed` and then reads
    /// `go VALUE`, or anything else if the word will never come.
    pub gate: Option<&'static str>,
    /// How long it may take once it has that word, if not as long as a promotion.
    pub work: Option<Duration>,
    /// A variable whose value is the word of an earlier step.
    pub takes: Option<(&'static str, &'static str)>,
    /// How much the host may answer.
    pub limits: Limits,
}

/// How much a host may say to one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a line.
    pub line: usize,
    /// Bytes in all.
    pub answer: usize,
}

impl Limits {
    /// Far more than any answer has: of a server with a thousand clients, or of files of a megabyte, the largest that are read.
    pub const USUAL: Limits = Limits {
        line: 16 << 20,
        answer: 64 << 20,
    };
}

/// A value of a script variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Var {
    /// Text that may be shown.
    Text(String),
    /// Text with secrets in it: `parts` are joined, secrets looked up by name when sent, `***` when shown.
    Secret(Vec<Part>),
}

/// A piece of a text that contains secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Shown as it is.
    Clear(String),
    /// A secret, by its name in the [`Vault`].
    Secret(SecretName),
}

/// The name of a secret of a run, for example the replication password as .pgpass wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretName {
    /// The replication role's password with the escapes of .pgpass.
    PgpassPassword,
    /// The verifier of the replication role's password, made for this run.
    Verifier,
}

/// The secrets of a run by name; its `Debug` shows the names only.
#[derive(Clone, Default)]
pub struct Vault(BTreeMap<SecretName, secrecy::SecretString>);

impl Vault {
    /// Stores a secret under its name.
    pub fn put(&mut self, name: SecretName, value: String) {
        self.0.insert(name, value.into());
    }

    /// Returns the secret of this name, if the run has one.
    pub fn get(&self, name: SecretName) -> Option<&secrecy::SecretString> {
        self.0.get(&name)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Command {
    /// Makes a command with no variables and a limit of one minute.
    pub fn new(what: impl Into<String>, script: &'static str) -> Self {
        Self {
            what: what.into(),
            script,
            vars: BTreeMap::new(),
            user: None,
            timeout: Some(Duration::from_secs(60)),
            heartbeat: false,
            gate: None,
            work: None,
            takes: None,
            limits: Limits::USUAL,
        }
    }

    /// Sets a variable to text that may be shown.
    #[must_use]
    pub fn var(mut self, name: &'static str, value: impl ToString) -> Self {
        self.vars.insert(name, Var::Text(value.to_string()));
        self
    }

    /// Holds the host while it works, under the name of its step.
    #[must_use]
    pub fn holding(self, step: impl ToString) -> Self {
        self.var("step", step)
    }

    /// Sets a variable to text with secrets in it.
    #[must_use]
    pub fn secret(mut self, name: &'static str, parts: Vec<Part>) -> Self {
        self.vars.insert(name, Var::Secret(parts));
        self
    }

    /// Lets another user than root run it whole.
    #[must_use]
    pub fn by(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self.var("runs_as", user)
    }

    /// Sets the time limit; `None` waits for as long as the connection lives.
    #[must_use]
    pub fn timeout(mut self, limit: Option<Duration>) -> Self {
        self.timeout = limit;
        self
    }

    /// Returns the text for the standard input of `sh -s`, secrets included: never to be shown.
    ///
    /// `None` if the vault lacks a secret that the command names.
    pub fn text(&self, vault: &Vault) -> Option<String> {
        use secrecy::ExposeSecret;
        self.assemble(|name| vault.get(name).map(|s| s.expose_secret().to_owned()))
    }

    /// Returns the same text with `***` in place of every secret.
    pub fn shown(&self) -> String {
        self.assemble(|_| Some("***".to_owned()))
            .expect("every name has a value")
    }

    fn assemble(&self, lookup: impl Fn(SecretName) -> Option<String>) -> Option<String> {
        let mut hold = String::new();
        let mut text = String::new();
        for (name, var) in &self.vars {
            let value = match var {
                Var::Text(value) => value.clone(),
                Var::Secret(parts) => {
                    let mut joined = String::new();
                    for part in parts {
                        match part {
                            Part::Clear(clear) => joined.push_str(clear),
                            Part::Secret(secret) => joined.push_str(&lookup(*secret)?),
                        }
                    }
                    joined
                }
            };
            let line = format!("{name}={}\n", shell_quote(&value));
            if ["cluster", "step"].contains(name) {
                hold.push_str(&line);
            }
            text.push_str(&line);
        }
        text.push_str(self.script);
        if let Some(user) = &self.user {
            text = handed_over(user, &text);
        }
        if self.vars.contains_key("step") {
            text = format!("{hold}{HOLD}{text}");
        }
        Some(text)
    }
}

/// Hands a script over to another user's shell, in a directory that is not closed to that user. Not by the standard input
/// of both: a shell may have read more of that than it has run.
fn handed_over(user: &str, text: &str) -> String {
    let mut end = "END_OF_SCRIPT".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('_');
    }
    let user = shell_quote(user);
    format!("cd / && exec runuser -u {user} -- /bin/sh -s <<'{end}'\n{text}\n{end}\n")
}

/// Quotes a value for POSIX sh (XCU 2.2.2): single quotes, `'` as `'\''`; NUL bytes, which no shell can hold, are dropped.
pub fn shell_quote(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('\'');
    for c in value.chars() {
        match c {
            '\'' => quoted.push_str("'\\''"),
            '\0' => {}
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// Returns a word of a command line as a person would type it: quoted only where it has to be.
pub fn shell_word(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        shell_quote(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_shell_reads_back_what_was_quoted() {
        for value in [
            "",
            "plain",
            "a'b",
            "$HOME `id` \\ \" ; é\nline two\n",
            "''",
            "-n",
            "*",
        ] {
            let script = format!("v={}\nprintf '%s' \"$v\"", shell_quote(value));
            let output = std::process::Command::new("sh")
                .arg("-c")
                .arg(script)
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
        }
    }

    #[test]
    fn root_holds_the_host_for_a_script_that_another_user_runs() {
        let command = Command::new("prepare", "main\n")
            .by("postgres")
            .var("step", "it's")
            .var("cluster", "shop");
        let shown = command.shown();
        let (before, script) = shown.split_once("runuser").unwrap();
        assert!(before.contains(r"step='it'\''s'"), "{shown}");
        assert!(before.contains("cluster='shop'"), "{shown}");
        assert!(before.contains("flock -w 10 4"), "{shown}");
        assert!(!script.contains("flock"), "{shown}");
    }

    #[test]
    fn a_shown_command_hides_its_secrets() {
        let mut vault = Vault::default();
        vault.put(SecretName::PgpassPassword, "hunter2".into());
        let command = Command::new("write .pgpass", "main\n").secret(
            "content",
            vec![
                Part::Clear("*:*:*:r:".into()),
                Part::Secret(SecretName::PgpassPassword),
            ],
        );
        assert!(command.text(&vault).unwrap().contains("hunter2"));
        assert_eq!(command.shown(), "content='*:*:*:r:***'\nmain\n");
        assert!(!format!("{command:?} {vault:?}").contains("hunter2"));
        assert_eq!(command.text(&Vault::default()), None);
    }

    #[test]
    fn root_holds_the_host_whoever_works() {
        let command = Command::new("make it", "main\n")
            .var("cluster", "shop")
            .holding("a step");
        let his = command.clone().by("postgres").shown();
        let (before, handed) = his.split_once("cd / && exec runuser").unwrap();
        assert!(before.starts_with("cluster='shop'\nstep='a step'\n"));
        assert!(before.ends_with(HOLD) && !handed.contains("/run/pgrepl/"));
        assert!(command.shown().contains(HOLD));
    }
}
