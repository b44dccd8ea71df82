//! `pgrepl schema`.

use super::{Failure, Global};
use crate::report::sink;

/// Prints the JSON Schema (draft 7) of an inventory, for editors, or that of a plan
///
/// Examples:
///   pgrepl schema >pgrepl.schema.json
///   pgrepl schema plan >plan.schema.json
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Of what
    #[arg(default_value = "inventory")]
    of: Of,
}

/// What has a schema.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Of {
    /// An inventory, as the YAML that people write
    Inventory,
    /// A plan, as `pgrepl plan --format json` shows it
    Plan,
}

/// Runs the command.
pub fn run(_: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let schema = match arguments.of {
        Of::Inventory => crate::inventory::schema(),
        Of::Plan => crate::plan::schema(),
    };
    sink::exactly(&format!("{schema:#}\n"));
    Ok(0)
}
