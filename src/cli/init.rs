//! `pgrepl init`.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use super::{Failure, Global, Kind};
use crate::inventory;
use crate::report::{problems, sink};

/// Writes a first inventory, asking only what it must
///
/// Examples:
///   pgrepl init
///   pgrepl init --cluster shop --version 16 --primary server1 --standby server2
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Where it is written; an existing file is never replaced
    #[arg(default_value = "pgrepl.yaml")]
    file: PathBuf,
    /// The cluster's name
    #[arg(long)]
    cluster: Option<String>,
    /// The major version of PostgreSQL
    #[arg(long)]
    version: Option<String>,
    /// The primary, as in `ssh server1`
    #[arg(long, value_name = "HOST")]
    primary: Option<String>,
    /// A standby; may be said several times
    #[arg(long = "standby", value_name = "HOST")]
    standbys: Vec<String>,
    /// The mount that backups live on
    #[arg(long, value_name = "DIR")]
    mount: Option<String>,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let path = &arguments.file;
    let exists = || {
        Failure::new(Kind::Refused, format!("{} exists already", path.display()))
            .help("pgrepl init OTHER.yaml")
    };
    if path.exists() {
        return Err(exists());
    }
    let asks = !global.no_input && std::io::stdin().is_terminal();
    let need =
        |given: &Option<String>, option: &str, question: &str, default: &str| match (given, asks) {
            (Some(given), _) => Ok(given.clone()),
            (None, true) => Ok(ask(question, default)),
            (None, false) if default.is_empty() => Err(Failure::new(
                Kind::Usage,
                format!("nobody is here to be asked: {question}"),
            )
            .help(format!("pgrepl init {option} …"))),
            (None, false) => Ok(default.to_owned()),
        };
    let cluster = need(
        &arguments.cluster,
        "--cluster",
        "name of the cluster",
        "main",
    )?;
    let version = need(
        &arguments.version,
        "--version",
        "major version of PostgreSQL",
        "17",
    )?;
    let primary = need(
        &arguments.primary,
        "--primary",
        "host of the primary, as in `ssh server1`",
        "",
    )?;
    let standbys = if arguments.standbys.is_empty() && asks {
        ask("hosts of the standbys, separated by blanks", "")
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    } else {
        arguments.standbys.clone()
    };
    let variable = format!("{}_REPLICATION_PASSWORD", cluster.to_ascii_uppercase());
    let mut text = format!(
        "# yaml-language-server: $schema=pgrepl.schema.json\n\
         # The schema is what `pgrepl schema` prints. What can be said here besides: pgrepl's README.\n\
         cluster: {cluster}\n\
         postgresql: {{ version: {version} }}\n\
         replication: {{ password: {{ env: {variable} }} }}\n\
         primary: {primary}\n\
         standbys: [{}]\n",
        standbys.join(", ")
    );
    if let Some(mount) = &arguments.mount {
        text += &format!("backup: {{ mount: {mount} }}\n");
    }
    inventory::read(&text).map_err(|found| {
        let shown = path.display().to_string();
        Failure::raw(
            Kind::Invalid,
            problems::show(&found, &shown, &text, global.err().color),
        )
    })?;
    let write = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    write.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(),
        _ => Failure::new(
            Kind::Failed,
            format!("cannot write {}: {error}", path.display()),
        ),
    })?;
    if !global.quiet {
        sink::out(&format!(
            "Written: {0}\n\nNext:\n  export {variable}=…\n  pgrepl plan {0}\n",
            path.display()
        ));
    }
    Ok(0)
}

fn ask(question: &str, default: &str) -> String {
    let shown = if default.is_empty() {
        String::new()
    } else {
        format!(" [{default}]")
    };
    sink::err(&format!("{question}{shown}: "));
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    match answer.trim() {
        "" => default.to_owned(),
        answer => answer.to_owned(),
    }
}
