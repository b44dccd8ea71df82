//! `pgrepl validate`.

use std::path::PathBuf;

use super::{Failure, Format, Global, bounds, context};
use crate::report::sink;
use crate::report::style::count;

/// Checks an inventory and its templates, offline, every problem at once
///
/// Examples:
///   pgrepl validate
///   pgrepl validate inventories/demo.yaml
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    inventory: Option<PathBuf>,
    #[command(flatten)]
    author: context::Author,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let loaded = context::load_from(global, arguments.inventory.as_ref(), &arguments.author)?;
    bounds::within(global, &loaded, || super::render::all(&loaded))?;
    global.result(&serde_json::json!({
        "valid": true,
        "inventory": loaded.path,
        "cluster": loaded.cluster.name,
        "hosts": loaded.cluster.nodes.keys().collect::<Vec<_>>(),
    }));
    if !global.quiet && global.format == Format::Human {
        sink::out(&format!(
            "{}: cluster {}, {}, valid\n",
            loaded.path.display(),
            loaded.cluster.name,
            count(loaded.cluster.nodes.len(), "host")
        ));
    }
    Ok(0)
}
