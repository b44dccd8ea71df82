//! The configuration file of a backup engine's own program.

use std::collections::{BTreeMap, BTreeSet};

use crate::backup::{Use, engine_of, restore_command};
use crate::command::shell_quote;
use crate::files::view::View;
use crate::inventory::Keep;
use crate::render::{TemplateError, Templates};

/// A rendered configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolConf {
    /// Its name in a plan.
    pub name: &'static str,
    /// Where it stands.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Renders the configuration of the engine's own program for a node, if it has one.
pub fn tool_conf(view: &View, templates: &Templates) -> Result<Option<ToolConf>, TemplateError> {
    let cluster = view.cluster;
    let (Some(backup), Some(engine)) = (&cluster.backup, engine_of(cluster)) else {
        return Ok(None);
    };
    let Some(configuration) = engine.configuration() else {
        return Ok(None);
    };
    let path = format!("{}/{}.conf", configuration.directory, cluster.name);
    let top = backup.top(&cluster.name);
    let (keep_count, keep_days) = match backup.keep {
        Keep::Count(count) => (Some(count), None),
        Keep::Days(days) => (None, Some(days)),
    };
    let version = view
        .world
        .facts(&view.node.name)
        .and_then(|facts| facts.tool.version.clone())
        .unwrap_or_default();
    let mut context = serde_json::json!({
        "node": view.node.name,
        "cluster": cluster.name,
        "path": path,
        "top": top,
        "data_directory": view.platform.data_directory,
        "port": view.node.port,
        "socket_directory": view.platform.socket_directory,
        "user": view.platform.user,
        "keep_count": keep_count,
        "keep_days": keep_days,
        "older": engine.is_older(&version),
        // Quoted for a file that a shell reads.
        "words": {
            "data_directory": shell_quote(&view.platform.data_directory),
            "socket_directory": shell_quote(&view.platform.socket_directory),
            "user": shell_quote(&view.platform.user),
            "psql": shell_quote(&format!("{}/psql", view.platform.bindir)),
            "restore_command": shell_quote(&restore_command(cluster, Use::Recovery(None)).unwrap_or_default()),
        },
    });
    for (name, word) in engine.words(&top) {
        context["words"][name] = shell_quote(&word).into();
    }
    let text = templates.render(
        configuration.template,
        context,
        &BTreeMap::new(),
        &BTreeSet::new(),
    )?;
    Ok(Some(ToolConf {
        name: configuration.name,
        path,
        text,
    }))
}
