//! `pgrepl render`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::context::{self, Loaded};
use super::{Failure, FailureKind, Format, Global, bounds, write};
use crate::facts::Observation;
use crate::files::{self, View};
use crate::inventory::NodeName;
use crate::plan::Role;
use crate::platform;
use crate::render::BUILT_IN;
use crate::report::sink;

/// Shows the files as they would be on new servers, offline
///
/// Without a host nobody knows where PostgreSQL lives: what is assumed is said, unless the inventory says it.
///
/// Examples:
///   pgrepl render inventory.yaml --host server2
///   pgrepl render --eject postgresql.conf.j2 --out templates
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    inventory: Option<PathBuf>,
    /// Only this host
    #[arg(long)]
    host: Option<String>,
    /// Only this file
    #[arg(long)]
    file: Option<String>,
    /// Writes the files into this directory, one below it for each host
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Writes the built-in template of this name out, to start from
    #[arg(long, value_name = "NAME")]
    eject: Option<String>,
    #[command(flatten)]
    author: context::Author,
}

/// Renders every file of every host; where only a host could look up an address, its name stands.
pub fn all(loaded: &Loaded) -> Result<Vec<(NodeName, String, String)>, Failure> {
    // Names are looked up on the hosts; without hosts they stand for themselves.
    let mut cluster = loaded.cluster.clone();
    for node in cluster.nodes.values_mut() {
        node.address.get_or_insert_with(|| node.name.to_string());
    }
    let cluster = &cluster;
    let world = Observation::default();
    let invalid =
        |error: crate::render::TemplateError| Failure::new(FailureKind::Invalid, error.to_string());
    let mut rendered = Vec::new();
    for node in cluster.in_order() {
        let role = if node.name == cluster.primary {
            Role::Primary
        } else {
            Role::Standby {
                upstream: node
                    .upstream
                    .clone()
                    .unwrap_or_else(|| cluster.primary.clone()),
            }
        };
        // A host tells what it is; without one something is assumed, unless the inventory says more.
        let platform = platform::assume(
            node.platform.as_ref(),
            cluster.major,
            &node.instance,
            node.data_directory.as_deref(),
        );
        let view = View {
            cluster,
            node,
            role: &role,
            platform: &platform,
            world: &world,
            leader: &cluster.primary,
            floors: BTreeMap::new(),
            synchronous: true,
        };
        let conf = files::postgresql_conf(&view, &loaded.templates, None).map_err(invalid)?;
        rendered.push((node.name.clone(), "postgresql.conf".into(), conf.text));
        let hba = files::pg_hba_conf(&view, &loaded.templates, None).map_err(invalid)?;
        rendered.push((node.name.clone(), "pg_hba.conf".into(), hba.text));
        if let Some(conf) = files::tool_conf(&view, &loaded.templates).map_err(invalid)? {
            rendered.push((node.name.clone(), conf.name.into(), conf.text));
        }
        let entries: Vec<String> =
            files::pgpass_entries(cluster, &world, &loaded.templates, &node.name)
                .map_err(invalid)?
                .iter()
                .map(|entry| format!("{entry}:{}\n", files::HIDDEN))
                .collect();
        rendered.push((node.name.clone(), ".pgpass".into(), entries.concat()));
        if let Role::Standby { upstream } = &role {
            let marker =
                files::standby_marker(&view, upstream, &loaded.templates).map_err(invalid)?;
            rendered.push((node.name.clone(), marker.name, marker.text));
        }
    }
    if let Some(text) = files::health::haproxy(cluster) {
        rendered.push((NodeName::from("clients"), "haproxy.cfg".into(), text));
    }
    Ok(rendered)
}

/// Writes a file below a directory. Who may write there may have put links: they are replaced, and not followed.
fn write_below(directory: &Path, file: &Path, text: &str) -> Result<(), Failure> {
    let path = directory.join(file);
    let failed = |why: String| {
        Failure::new(
            FailureKind::Failed,
            format!("cannot write {}: {why}", path.display()),
        )
    };
    let parent = path.parent().unwrap_or(directory);
    std::fs::create_dir_all(parent).map_err(|error| failed(error.to_string()))?;
    if !context::is_inside(directory, parent) {
        return Err(failed(format!(
            "expected a directory in {}, found a link to one elsewhere",
            directory.display()
        )));
    }
    write::open(&path, text).map_err(|error| failed(error.to_string()))
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    if let Some(name) = &arguments.eject {
        let Some((name, text)) = BUILT_IN.iter().find(|(known, _)| known == name) else {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            return Err(
                Failure::new(FailureKind::Usage, format!("no template is named `{name}`"))
                    .help(names.join(", ")),
            );
        };
        match &arguments.out {
            Some(directory) => write_below(directory, Path::new(name), text)?,
            None if global.format == Format::Human => sink::rendered(text),
            None => {}
        }
        global.result(&serde_json::json!({ "files": [{ "file": name, "text": text }] }));
        return Ok(0);
    }
    let loaded = context::load_from(global, arguments.inventory.as_ref(), &arguments.author)?;
    let hosts: Vec<String> = arguments.host.iter().cloned().collect();
    let limit = context::limit(&loaded.cluster, &hosts)?;
    let mut assumed = false;
    let mut files = Vec::new();
    let mut wanted = bounds::within(global, &loaded, || all(&loaded))?;
    wanted.retain(|(node, file, _)| {
        let named = arguments.file.as_ref().is_none_or(|wanted| wanted == file);
        named && limit.as_ref().is_none_or(|limit| limit.contains(node))
    });
    // One alone is what somebody puts into a file.
    let alone = wanted.len() == 1;
    for (node, file, text) in wanted {
        let place = loaded.cluster.nodes.get(&node);
        assumed |= place.is_some_and(|place| place.platform.is_none());
        match &arguments.out {
            Some(directory) => {
                write_below(directory, &Path::new(node.as_str()).join(&file), &text)?
            }
            None if global.format == Format::Human && alone => sink::rendered(&text),
            None if global.format == Format::Human => {
                sink::rendered(&format!("==> {node}: {file}\n{text}\n"))
            }
            None => {}
        }
        files.push(serde_json::json!({ "host": node, "file": file, "text": text }));
    }
    global.result(&serde_json::json!({ "files": files }));
    if assumed {
        sink::err(&format!(
            "note: places are {}'s: only a host tells its family; `pgrepl plan --diff full` asks it\n",
            platform::FAMILIES[0].name
        ));
    }
    Ok(0)
}
