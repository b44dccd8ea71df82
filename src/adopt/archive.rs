//! Whose archive it is: pgrepl's own is described, another one is told.

use crate::adopt::member::{Member, cluster_name, setting};
use crate::backup::{Engine, configurations, engine, engines};
use crate::facts::Facts;
use crate::files::schedule::unit_path;
use crate::inventory::at::{Number, say};
use crate::inventory::file::{self, Keep};
use crate::inventory::{self, BackupFrom, BackupTool};

/// Returns the backup section where pgrepl itself has set up archiving.
pub(super) fn own(facts: &Facts) -> Option<file::Backup> {
    let name = cluster_name(facts)?;
    let command = setting(facts, "archive_command")?;
    BackupTool::ALL.into_iter().find_map(|tool| {
        let engine = engine(tool);
        let program = engine.archive_program().name;
        let top = command
            .strip_prefix(&format!("/usr/local/lib/pgrepl/{name}/{program} "))?
            .strip_suffix(" %p %f")?;
        let top = top.trim_matches('\'').replace("%%", "%");
        Some(file::Backup {
            mount: top.strip_suffix(&format!("/{name}"))?.into(),
            tool: (tool != BackupTool::default()).then(|| tool.into()),
            ..file::Backup::default()
        })
    })
}

/// Says how many backups pgrepl keeps, and when it takes them, where its own files on a host tell.
pub(super) fn kept(section: &mut file::Backup, cluster: &str, facts: &Facts) {
    let text = |path: &str| {
        let file = facts.files.get(path)?.content.as_deref()?;
        file.contains("written by pgrepl").then_some(file)
    };
    let value = |text: &str, key: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(key)?.trim_matches('"').to_owned()))
    };
    let keep = |days: bool, number: Option<String>| {
        let number = Number(number?.parse().ok()?).into();
        Some(if days {
            Keep::Days(number)
        } else {
            Keep::Count(number)
        })
    };
    // Another tool may have left its file there: that of the one in use tells first.
    let used = section.tool.as_ref().and_then(|tool| tool.value);
    let used = engine(used.unwrap_or_default()).name();
    let of_used = configurations(cluster).filter(|(engine, _)| engine.name() == used);
    let mut kept = of_used
        .chain(configurations(cluster))
        .find_map(|(engine, path)| engine.kept(text(&path)?))
        .map(|keep| match keep {
            inventory::Keep::Count(count) => Keep::Count(Number(count).into()),
            inventory::Keep::Days(days) => Keep::Days(Number(days).into()),
        });
    let (service, timer) = (
        text(&unit_path(cluster, "service")),
        text(&unit_path(cluster, "timer")),
    );
    if let (Some(service), Some(timer)) = (service, timer) {
        let said = |name: &str| value(service, &format!("Environment=\"{name}="));
        kept = keep(
            said("keep").is_some_and(|kind| kind == "days"),
            said("keep_number"),
        );
        let primary = said("from").is_some_and(|from| from == "primary");
        section.from = primary.then(|| BackupFrom::Primary.into());
        section.schedule = value(timer, "OnCalendar=").and_then(|schedule| say(&schedule));
    }
    let usual = Keep::Count(Number(7).into());
    section.keep = kept.filter(|keep| *keep != usual).map(Into::into);
}

/// Returns the tool whose program a command is where somebody else than pgrepl has set it up.
pub(super) fn foreign_tool(command: &str) -> Option<&'static str> {
    let engine = engines().find(|engine| engine.is_foreign(command));
    engine.map(Engine::name)
}

/// Tells of an archive that somebody made with a backup tool. It stays: pgrepl's own keeps its files in directories of its
/// own, so that what is in this one would be no part of its backups.
pub(super) fn foreign(cluster: &str, primary: &Member) -> Option<String> {
    let tool = foreign_tool(&setting(&primary.facts, "archive_command")?)?;
    let name = &primary.name;
    let Some(directory) = &primary.foreign_backups else {
        return Some(format!(
            "{name} archives WAL with {tool}, which stays; `backup: {{ mount: …, tool: {tool} }}` would take that over"
        ));
    };
    // One in the root directory is on no mount of its own.
    let mount = directory
        .trim_end_matches('/')
        .rsplit_once('/')
        .map(|(above, _)| above)
        .filter(|above| !above.is_empty())
        .unwrap_or("/mnt/backups");
    Some(format!(
        "{name} archives WAL with {tool} to {directory}, which stays; `backup: {{ mount: {mount}, tool: {tool} }}` \
         would take that over, begin anew in {mount}/{cluster}/{tool}, and leave the old backups where they are"
    ))
}
