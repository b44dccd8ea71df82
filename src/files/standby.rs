//! What makes a server a standby: a signal file, or before 12 a recovery.conf.

use std::collections::{BTreeMap, BTreeSet};

use super::archive::{Use, restore_command};
use super::primary_conninfo;
use crate::facts::{Marker, RECOVERY_CONF};
use crate::files::view::View;
use crate::inventory::NodeName;
use crate::postgres::conf::{self, ConfLine};
use crate::postgres::slot_name;
use crate::render::{TemplateError, Templates};

/// Returns the file that makes a node a standby of another one.
pub fn standby_marker(
    view: &View,
    upstream: &NodeName,
    templates: &Templates,
) -> Result<Marker, TemplateError> {
    const NAME: &str = "recovery.conf.j2";
    let cluster = view.cluster;
    if cluster.major.caps().has_standby_signal {
        return Ok(Marker::signal("standby.signal"));
    }
    let context = serde_json::json!({
        "node": view.node.name,
        "cluster": cluster.name,
        "upstream": upstream,
        "conninfo": primary_conninfo(view, upstream),
        "slot": cluster.replication.slots.then(|| slot_name(view.node.name.as_str())),
        "apply_delay": view.node.apply_delay,
        "restore_command": restore_command(cluster, Use::Standby)
            .as_ref()
            .or(view.node.parameters.get("restore_command")),
    });
    let text = templates.render(NAME, context, &BTreeMap::new(), &BTreeSet::new())?;
    let invalid = |message: String| {
        Err(TemplateError {
            name: NAME.into(),
            line: None,
            message,
        })
    };
    if let Some(at) = conf::parse(&text)
        .iter()
        .position(|line| matches!(line, ConfLine::Bad { .. }))
    {
        return invalid(format!(
            "PostgreSQL would not read line {} of what it makes",
            at + 1
        ));
    }
    let marker = Marker {
        name: RECOVERY_CONF.into(),
        text,
    };
    if !marker.makes_standby(cluster.major) {
        return invalid(
            "it does not say standby_mode = 'on': the server would be a primary".into(),
        );
    }
    Ok(marker)
}
