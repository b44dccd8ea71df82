//! `pgrepl version`.

use serde::Serialize;

use super::{Failure, Format, Global};
use crate::report::sink;

/// Prints the version and what the program was built from
///
/// Examples:
///   pgrepl version
///   pgrepl version --format json
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {}

/// What is known of this program.
#[derive(Serialize)]
struct Facts {
    version: &'static str,
    /// The commit that a package was made of.
    commit: Option<&'static str>,
    /// What it was built for.
    target: &'static str,
    /// The compiler.
    compiler: Option<&'static str>,
    /// The versions of PostgreSQL that it knows, the oldest first.
    postgresql: Vec<String>,
}

fn facts() -> Facts {
    Facts {
        version: env!("CARGO_PKG_VERSION"),
        // Set by packaging/dist; a build from a checkout does not look at git, so that a commit costs no build.
        commit: option_env!("PGREPL_COMMIT"),
        target: option_env!("PGREPL_TARGET").unwrap_or(std::env::consts::ARCH),
        compiler: option_env!("PGREPL_COMPILER"),
        postgresql: crate::postgres::Major::all()
            .map(|major| major.to_string())
            .collect(),
    }
}

/// Runs the command.
pub fn run(global: &Global, _: &Arguments) -> Result<u8, Failure> {
    let facts = facts();
    global.result(&facts);
    if global.format != Format::Human {
        return Ok(0);
    }
    let mut text = format!("pgrepl {}\n", facts.version);
    text += &format!(
        "built     {}\n",
        facts
            .commit
            .map_or("from a checkout".into(), |commit| format!("from {commit}"))
    );
    text += &format!("target    {}\n", facts.target);
    if let Some(compiler) = facts.compiler {
        text += &format!("compiler  {compiler}\n");
    }
    text += &format!("knows     PostgreSQL {}\n", facts.postgresql.join(", "));
    sink::out(&text);
    Ok(0)
}
