//! `pgrepl schema`.

use super::{Failure, Global};
use crate::report::sink;

/// Prints the JSON Schema (draft 7) of an inventory, for editors
///
/// Examples:
///   pgrepl schema >pgrepl.schema.json
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {}

/// Runs the command.
pub fn run(_: &Global, _: &Arguments) -> Result<u8, Failure> {
    sink::exactly(&format!("{:#}\n", crate::inventory::schema()));
    Ok(0)
}
