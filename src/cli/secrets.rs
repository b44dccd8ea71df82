//! Where passwords come from; they are read once and shown never.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};

use super::{Failure, FailureKind};
use crate::command::{SecretName, Vault};
use crate::inventory::{Cluster, SecretSource};
use crate::postgres::{pgpass, verifier};

/// Reads the replication password; files are relative to the inventory's directory.
pub fn password(cluster: &Cluster, directory: &Path) -> Result<SecretString, Failure> {
    let source = &cluster.replication.password;
    let (text, from) = match source {
        SecretSource::Env(name) => {
            let value = taken(name).ok_or_else(|| {
                Failure::new(FailureKind::Failed, format!("the environment has no variable {name}, which the replication password is read from"))
                    .help(format!("export {name}=…"))
            })?;
            (value, format!("variable {name}"))
        }
        SecretSource::File(path) => {
            let path = directory.join(path);
            let read = std::fs::read_to_string(&path).with_context(|| {
                let from = path.display();
                format!("cannot read the replication password from {from}")
            });
            let value = read.map_err(|error| Failure::of(FailureKind::Failed)(error))?;
            (first_line(&value), path.display().to_string())
        }
        SecretSource::Command(command) => {
            let output = std::process::Command::new("/bin/sh")
                .arg("-c")
                .arg(command)
                .current_dir(if directory.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    directory
                })
                .stderr(std::process::Stdio::inherit())
                .output()
                .context("cannot run the command of the replication password")
                .map_err(Failure::of(FailureKind::Failed))?;
            if !output.status.success() {
                return Err(Failure::new(
                    FailureKind::Failed,
                    format!(
                        "the command of the replication password failed: {}",
                        output.status
                    ),
                )
                .help(command.clone()));
            }
            (
                first_line(&String::from_utf8_lossy(&output.stdout)),
                "the command's output".into(),
            )
        }
    };
    if text.is_empty() {
        return Err(Failure::new(
            FailureKind::Failed,
            format!("the replication password is empty in {from}"),
        ));
    }
    if let Err(why) = pgpass::field(&text) {
        return Err(Failure::new(
            FailureKind::Failed,
            format!("the replication password in {from} cannot be used: {why}"),
        ));
    }
    Ok(text.into())
}

/// Takes a variable out of the environment, so that no ssh and nothing that ssh runs inherits it.
fn taken(name: &str) -> Option<String> {
    static TAKEN: Mutex<BTreeMap<String, SecretString>> = Mutex::new(BTreeMap::new());
    let mut taken = TAKEN.lock().ok()?;
    if let Ok(value) = std::env::var(name) {
        taken.insert(name.to_owned(), value.into());
        // SAFETY: no other thread is there that could read the environment: secrets are read before the first host is.
        unsafe { std::env::remove_var(name) };
    }
    taken
        .get(name)
        .map(|value| value.expose_secret().to_owned())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Makes what the hosts are given of the password: its form for .pgpass and a new verifier.
pub fn vault(cluster: &Cluster, password: &SecretString) -> Result<Vault, Failure> {
    let clear = password.expose_secret();
    let verifier = if cluster.major.caps().has_scram {
        let mut salt = [0u8; 16];
        getrandom::fill(&mut salt)
            .context("cannot make a salt")
            .map_err(Failure::of(FailureKind::Failed))?;
        verifier::scram(clear, &salt, verifier::ITERATIONS)
    } else {
        verifier::md5(clear, &cluster.replication.user)
    };
    let mut vault = Vault::default();
    vault.put(SecretName::Verifier, verifier);
    vault.put(
        SecretName::PgpassPassword,
        pgpass::field(clear).unwrap_or_default(),
    );
    Ok(vault)
}

/// Makes letters and digits that nobody has used before.
pub fn token() -> Result<String, Failure> {
    let mut random = [0u8; 8];
    getrandom::fill(&mut random)
        .context("cannot make a token")
        .map_err(Failure::of(FailureKind::Failed))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
