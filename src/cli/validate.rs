//! `pgrepl validate`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Failure, FailureKind, Format, Global, bounds, context, write};
use crate::report::style::count;
use crate::report::{sarif, sink};

/// Checks an inventory and its templates, offline, every problem at once
///
/// Examples:
///   pgrepl validate
///   pgrepl validate inventories/demo.yaml
///   pgrepl validate --untrusted --sarif pgrepl.sarif inventory.yaml
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    inventory: Option<PathBuf>,
    #[command(flatten)]
    author: context::Author,
    /// Writes what is wrong as SARIF, too, for code hosts that show it on its line
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let path = context::path(global, arguments.inventory.as_ref())?;
    let found = RefCell::new(Vec::new());
    let file = path.display().to_string();
    let result = check(global, arguments, path, &|text, problems| {
        *found.borrow_mut() = sarif::problems(&file, text, problems);
    });
    if let Some(out) = &arguments.sarif {
        let mut found = found.into_inner();
        // What stands on no line concerns the file: it is no text, or a template does not render.
        if let (true, Err(failure)) = (found.is_empty(), &result) {
            found.push(sarif::whole(&file, failure.message().trim_end()));
        }
        told(out, &found)?;
    }
    result
}

fn told(out: &Path, found: &[Value]) -> Result<(), Failure> {
    write::open(out, &format!("{:#}\n", sarif::log(found))).map_err(|error| {
        let cannot = format!("cannot write {}", out.display());
        Failure::of(FailureKind::Failed)(anyhow::Error::new(error).context(cannot))
    })
}

fn check(
    global: &Global,
    arguments: &Arguments,
    path: PathBuf,
    tell: &dyn Fn(&str, &[crate::inventory::Problem]),
) -> Result<u8, Failure> {
    let loaded = context::load_telling(global, path, &arguments.author, tell)?;
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
