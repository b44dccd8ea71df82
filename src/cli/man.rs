//! `pgrepl man`.

use std::path::{Path, PathBuf};

use super::{Failure, Kind};
use crate::report::{manual, sink};

/// Prints a manual page, or writes them all
///
/// Examples:
///   pgrepl man | man -l -
///   pgrepl man backup run | man -l -
///   pgrepl man inventory | man -l -
///   pgrepl man --out /usr/local/share/man
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The command, or `inventory`; pgrepl itself where nothing is said
    page: Vec<String>,
    /// Writes all pages into man1 and man5 below this directory
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    out: Option<PathBuf>,
}

/// The page that belongs to no command.
const INVENTORY: &str = "pgrepl-inventory";

/// Runs the command; `whole` is the command line as it is declared.
pub fn run(whole: clap::Command, arguments: &Arguments) -> Result<u8, Failure> {
    let pages = pages(whole);
    if let Some(out) = &arguments.out {
        for (name, page) in &pages {
            write(out, name, page)?;
        }
        return Ok(0);
    }
    let wanted = std::iter::once("pgrepl")
        .chain(arguments.page.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join("-");
    match pages.iter().find(|(name, _)| *name == wanted) {
        Some((_, page)) => sink::exactly(page),
        None => {
            let name = arguments.page.join(" ");
            let failure = Failure::new(Kind::Usage, format!("there is no page `{name}`"));
            return Err(failure.help("pgrepl man"));
        }
    }
    Ok(0)
}

fn section(name: &str) -> u8 {
    if name == INVENTORY { 5 } else { 1 }
}

fn write(out: &Path, name: &str, page: &str) -> Result<(), Failure> {
    let section = section(name);
    let directory = out.join(format!("man{section}"));
    let path = directory.join(format!("{name}.{section}"));
    std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(&path, page))
        .map_err(|error| {
            let cannot = format!("cannot write {}", path.display());
            Failure::of(Kind::Failed)(anyhow::Error::new(error).context(cannot))
        })
}

/// All pages by name: one per command, and that of the inventory.
fn pages(whole: clap::Command) -> Vec<(String, String)> {
    let mut whole = whole.disable_help_subcommand(true);
    whole.build();
    let mut all = vec![(INVENTORY.to_owned(), manual::inventory())];
    below("pgrepl", &whole, &mut all);
    all
}

fn below(name: &str, command: &clap::Command, all: &mut Vec<(String, String)>) {
    let mut page = Vec::new();
    // A name that is made while the program runs has to be its own; writing to memory does not fail.
    let _ = clap_mangen::Man::new(command.clone().display_name(name.to_owned()))
        .title(name)
        .render(&mut page);
    all.push((name.to_owned(), String::from_utf8_lossy(&page).into_owned()));
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        below(&format!("{name}-{}", inner.get_name()), inner, all);
    }
}
