//! `pgrepl init`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::{Failure, FailureKind, Format, Global, adopt, ssh_names};
use crate::cli::ask::{Set, ask_for, nobody};
use crate::inventory;
use crate::inventory::file::USUAL_VERSION;
use crate::inventory::write::{Draft, SCHEMA, password};
use crate::report::sink;

/// How many hosts are suggested.
const MOST: usize = 20;

/// Writes a first inventory, asking only what it must
///
/// Examples:
///   pgrepl init
///   pgrepl init --cluster shop --version 16 --primary server1 --standby server2
///   pgrepl init --from-host server1
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Where it is written; an existing file is never replaced
    #[arg(default_value = "pgrepl.yaml")]
    file: PathBuf,
    /// Describes servers that run already: this one, and all that replicate from it or to it
    #[arg(long, value_name = "HOST")]
    from_host: Option<String>,
    /// The cluster's name
    #[arg(long)]
    cluster: Option<String>,
    /// The major version of PostgreSQL
    #[arg(long)]
    version: Option<String>,
    /// The server's name at its service manager, where a host of `--from-host` has several: the `main` of `15/main`
    #[arg(long, value_name = "NAME", requires = "from_host")]
    instance: Option<String>,
    /// The primary, as in `ssh server1`
    #[arg(long, value_name = "HOST")]
    primary: Option<String>,
    /// A standby; may be repeated
    #[arg(long = "standby", value_name = "HOST")]
    standbys: Vec<String>,
    /// The mount that backups live on
    #[arg(long, value_name = "DIR")]
    mount: Option<String>,
    /// A client configuration file for ssh, in place of the user's
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<String>,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let path = &arguments.file;
    // Before anybody is asked anything; the write itself refuses again.
    if path.exists() {
        return Err(exists(path));
    }
    let asks = global.may_ask() && std::io::stdin().is_terminal();
    let draft = match &arguments.from_host {
        Some(host) => described(global, arguments, host, asks)?,
        None => asked(arguments, asks)?,
    };
    let text = draft.text();
    inventory::read(&text).map_err(|found| {
        let shown = path.display().to_string();
        super::context::invalid(global, &found, &shown, &text)
    })?;
    let write = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    write.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => {
            let cannot = format!("cannot write {}", path.display());
            Failure::of(FailureKind::Failed)(anyhow::Error::new(error).context(cannot))
        }
    })?;
    let schema = path.with_file_name(SCHEMA);
    let write = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&schema)
        .and_then(|mut file| file.write_all(format!("{:#}\n", inventory::schema()).as_bytes()));
    // One that is there came with another inventory, and says the same; without any the inventory is as good.
    if let Err(error) = write
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        sink::err(&format!("cannot write {}: {error}\n", schema.display()));
    }
    let next = {
        let cluster = draft.file.cluster.value.as_ref();
        let password = cluster.map_or_else(String::new, |name| password(&name.0));
        // A server that nobody follows may have no such role yet.
        let standbys = draft.file.standbys.as_ref();
        let standbys = standbys.and_then(|standbys| standbys.value.as_ref());
        let followed = standbys.is_some_and(|standbys| !standbys.is_empty());
        let known = match arguments.from_host {
            Some(_) if followed => "=…   # the password that replication uses now",
            _ => "=…",
        };
        [
            format!("export {password}{known}"),
            format!("pgrepl -i {} doctor", path.display()),
            format!("pgrepl plan {}", path.display()),
        ]
    };
    global.result(&serde_json::json!({ "written": path, "next": next }));
    if !global.quiet && global.format == Format::Human {
        let next = next.join("\n  ");
        sink::out(&format!("Written: {}\n\nNext:\n  {next}\n", path.display()));
    }
    Ok(0)
}

fn exists(path: &Path) -> Failure {
    Failure::new(
        FailureKind::Refused,
        format!("{} exists already", path.display()),
    )
    .help("pgrepl init OTHER.yaml")
}

/// An inventory of servers that run, as they say themselves.
fn described(
    global: &Global,
    arguments: &Arguments,
    host: &str,
    asks: bool,
) -> Result<Draft, Failure> {
    let named = arguments.primary.iter().chain(&arguments.standbys);
    adopt::describe(
        global,
        &adopt::AdoptRequest {
            hosts: std::iter::once(host.to_owned())
                .chain(named.cloned())
                .collect(),
            cluster: arguments.cluster.clone(),
            version: arguments.version.clone(),
            instance: arguments.instance.clone(),
            ssh_config: arguments.ssh_config.as_deref(),
            mount: arguments.mount.as_deref(),
            asks,
        },
    )
}

/// An inventory of servers to be, as a person says.
fn asked(arguments: &Arguments, asks: bool) -> Result<Draft, Failure> {
    let need =
        |given: &Option<String>, option: &str, question: &str, default: &str, set: Set| match (
            given, asks,
        ) {
            (Some(given), _) => Ok(given.clone()),
            (None, true) => ask_for(question, default, set),
            (None, false) if default.is_empty() => {
                Err(nobody(question).help(format!("pgrepl init {option} …")))
            }
            (None, false) => Ok(default.to_owned()),
        };
    let cluster = need(
        &arguments.cluster,
        "--cluster",
        "name of the cluster",
        "main",
        &|draft, answer| draft.file.cluster = answer.into(),
    )?;
    let version = need(
        &arguments.version,
        "--version",
        "major version of PostgreSQL",
        USUAL_VERSION,
        &|draft, answer| draft.file.postgresql.made().version = answer.into(),
    )?;
    let known = match arguments.primary {
        Some(_) => Vec::new(),
        None => ssh_names::names(arguments.ssh_config.as_deref()),
    };
    if asks && !known.is_empty() {
        sink::err(&format!(
            "hosts of your SSH configuration: {}\n",
            shortened(&known)
        ));
    }
    let primary = need(
        &arguments.primary,
        "--primary",
        "host of the primary, as in `ssh server1`",
        "",
        &|draft, answer| draft.file.primary = answer.into(),
    )
    .map_err(|failure| match &known[..] {
        [first, second, ..] => failure.help(format!(
            "pgrepl init --primary {first} --standby {second}; your SSH configuration has {}",
            shortened(&known)
        )),
        _ => failure,
    })?;
    let split =
        |answer: &str| -> Vec<String> { answer.split_whitespace().map(str::to_owned).collect() };
    let standbys = if arguments.standbys.is_empty() && asks {
        let question = "hosts of the standbys, separated by blanks";
        split(&ask_for(question, "", &|draft, answer| {
            draft.file.primary = primary.as_str().into();
            draft.standbys(answer.split_whitespace());
        })?)
    } else {
        arguments.standbys.clone()
    };
    let mut draft = Draft::new(&cluster, &version, &password(&cluster), &primary);
    draft.standbys(standbys.iter().map(String::as_str));
    draft.ssh_config(arguments.ssh_config.as_deref());
    mount(&mut draft, arguments);
    Ok(draft)
}

/// As many names as somebody reads.
fn shortened(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(MOST)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more) = names.len().checked_sub(MOST).filter(|more| *more > 0) {
        text += &format!(" and {more} more");
    }
    text
}

fn mount(draft: &mut Draft, arguments: &Arguments) {
    if let Some(mount) = &arguments.mount {
        draft.file.backup.get_or_insert_default().made().mount = mount.as_str().into();
    }
}
