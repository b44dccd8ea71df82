//! From the lines of a probe to what stands at the data directory's place.

use super::instance::Instance;
use super::parse_server::Told;
use super::{Content, DataDirectory, Layout, Signals};
use crate::facts::lines::{Context, Lines, columns};
use crate::postgres::{ControlData, History, history};

/// The control file, from pg_controldata; where that is not installed, from the server as long as it runs.
fn control(
    lines: &Lines,
    context: &Context,
    version: &str,
    told: Option<&Told>,
) -> Result<ControlData, String> {
    let said = lines.all("control");
    if said.is_empty() && version == context.major.to_string() {
        let told = told.and_then(|told| told.control.clone());
        return told.ok_or_else(|| {
            "pg_controldata is not installed, and the server that could tell does not run".into()
        });
    }
    ControlData::parse(&said.join("\n"))
}

pub(super) fn data(
    lines: &Lines,
    context: &Context,
    real_path: &str,
    told: Option<&Told>,
) -> DataDirectory {
    let content = match lines.first("instance") {
        Some(version) => Content::Instance(Box::new(Instance {
            version: version.into(),
            control: control(lines, context, version, told),
        })),
        None if lines.all("foreign").is_empty() => Content::Nothing,
        None => Content::Foreign(lines.all("foreign").iter().map(|f| (*f).into()).collect()),
    };
    let recovery_conf: Vec<&str> = lines
        .all("line")
        .iter()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(path, _)| path.ends_with("/recovery.conf"))
        .map(|(_, line)| line)
        .collect();
    DataDirectory {
        path: context.data_directory.into(),
        real_path: real_path.into(),
        is_mount: lines.first("data_is_mount").is_some(),
        layout: Layout::read(lines),
        wal_link: lines.first("wal_link").map(str::to_owned),
        tablespaces: lines
            .all("tablespace")
            .iter()
            .filter_map(|line| columns(line))
            .map(|[oid, path]| (oid.to_owned(), path.to_owned()))
            .collect(),
        content,
        signals: Signals::of(
            context.major,
            lines.all("signal"),
            Some(&recovery_conf.join("\n")),
        ),
        half_made: lines.first("half_made").is_some(),
        rewinding: lines.first("rewinding").is_some(),
        slots: lines
            .all("slot")
            .iter()
            .map(|slot| (*slot).to_owned())
            .collect(),
        history: lines
            .first("history")
            .and_then(history::timeline_of)
            .map(|of| History::parse(of, &lines.all("history_line").join("\n"))),
    }
}
