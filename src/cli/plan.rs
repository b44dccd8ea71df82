//! `pgrepl plan`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use super::context::{self, Loaded};
use super::exit::PENDING;
use super::{Failure, FailureKind, Format, Global, bounds, secrets, write};
use crate::command::shell_word;
use crate::facts::Observation;
use crate::plan::converge::{converge, converge_in_place};
use crate::plan::still::is_still;
use crate::plan::{Goal, Plan, PlanError};
use crate::report::order::Document;
use crate::report::plan::Diff;
use crate::report::{markdown, plan as text, sink};

/// Shows what apply would do, and changes nothing anywhere
///
/// Examples:
///   pgrepl plan inventory.yaml
///   pgrepl plan --out tonight.plan && pgrepl apply tonight.plan
///   pgrepl plan --untrusted --format markdown --detailed-exitcode
#[derive(clap::Args, Clone)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory
    pub inventory: Option<PathBuf>,
    /// Saves the plan, for `pgrepl apply FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Ends with 2 when there is something to do
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Touches these hosts only
    #[arg(long, value_name = "HOST,…", value_delimiter = ',')]
    pub limit: Vec<String>,
    /// How much of a file's change is shown: full, changed, none
    #[arg(long, default_value = "changed")]
    pub diff: DiffArgument,
    #[command(flatten)]
    pub author: context::Author,
}

/// How much of a file's change is shown.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DiffArgument {
    /// Every line
    Full,
    /// What changes, without comments
    Changed,
    /// Nothing
    None,
}

impl DiffArgument {
    /// Returns the report's own word.
    pub fn diff(self) -> Diff {
        match self {
            DiffArgument::Full => Diff::Full,
            DiffArgument::Changed => Diff::Changed,
            DiffArgument::None => Diff::None,
        }
    }
}

/// A plan as it is saved: with what it was made from.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct Saved {
    /// The program's version.
    pub version: String,
    /// The inventory, absolute.
    pub inventory: PathBuf,
    /// The digests of what it was made from, by path: the inventory and the templates of its own.
    pub made_from: BTreeMap<PathBuf, String>,
    /// The hosts it was limited to.
    pub limit: Vec<String>,
    /// The plan, without the secrets that stand in files of the hosts.
    pub plan: Value,
}

impl Saved {
    /// Says whether a plan made now is the one that was saved, as far as a person could see it.
    pub fn is(&self, plan: &Plan) -> bool {
        let read = |shown: Value| serde_json::from_value::<Plan>(shown).ok();
        let now = sink::shown(plan).ok().and_then(read);
        now.zip(read(self.plan.clone()))
            .is_some_and(|(now, saved)| is_still(&saved, &now))
    }
}

/// Makes a plan of what was seen, or the failure that stands for there being none.
pub fn make(
    global: &Global,
    loaded: &Loaded,
    seen: &Observation,
    names: &[String],
) -> Result<Plan, Failure> {
    let limit = context::limit(&loaded.cluster, names)?;
    let plan = || converge(&loaded.cluster, &loaded.templates, seen, limit.as_ref());
    bounds::within(global, loaded, plan).map_err(|error| no_plan(global, seen, error))
}

/// Makes a plan of what a command has left to do: who had another goal moves no WAL.
pub fn left(
    global: &Global,
    loaded: &Loaded,
    seen: &Observation,
    names: &[String],
    goal: &Goal,
) -> Result<Plan, Failure> {
    if *goal == Goal::Converge {
        return make(global, loaded, seen, names);
    }
    let limit = context::limit(&loaded.cluster, names)?;
    let plan = || converge_in_place(&loaded.cluster, &loaded.templates, seen, limit.as_ref());
    bounds::within(global, loaded, plan).map_err(|error| no_plan(global, seen, error))
}

/// Tells why there is no plan.
pub fn no_plan(global: &Global, seen: &Observation, error: PlanError) -> Failure {
    match error {
        // When nobody can be asked, the reason is that and not what follows from it.
        PlanError::Refused(_) if seen.seen().next().is_none() => unreachable(global, seen),
        PlanError::Refused(refusal) => {
            let said = std::iter::once(&refusal.message).chain(&refusal.details);
            let said: Vec<&str> = said.map(String::as_str).collect();
            Failure::new(FailureKind::Refused, said.join("\n"))
                .help(refusal.help.clone())
                .laid_out(text::refusal(&refusal, global.err()))
        }
        PlanError::Template(error) => Failure::new(FailureKind::Invalid, error.to_string()),
    }
}

fn unreachable(global: &Global, seen: &Observation) -> Failure {
    let reasons: Vec<String> = seen
        .unseen()
        .map(|(_, reason)| {
            if reason.help.is_empty() {
                reason.message.clone()
            } else {
                format!("{}\n  help: {}", reason.message, reason.help)
            }
        })
        .collect();
    let mut failure = Failure::new(
        FailureKind::Unreachable,
        format!("no host could be read\n  {}", reasons.join("\n  ")),
    );
    failure.original = seen
        .unseen()
        .map(|(_, reason)| reason.original.clone())
        .collect::<Vec<_>>()
        .join("\n");
    let shown = failure.shown(global.err(), global.verbose > 0);
    let mut helps = seen.unseen().map(|(_, reason)| &reason.help);
    let help = helps.find(|help| !help.is_empty()).cloned();
    failure.help(help.unwrap_or_default()).laid_out(shown)
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let author = &arguments.author;
    let loaded = context::load_from(global, arguments.inventory.as_ref(), author)?;
    of(global, &loaded, arguments)
}

/// Shows what would be done for an inventory that was read.
pub fn of(global: &Global, loaded: &Loaded, arguments: &Arguments) -> Result<u8, Failure> {
    context::limit(&loaded.cluster, &arguments.limit)?;
    // Whoever names the variable names the hosts, too, which are told what the password is compared with.
    let password = if arguments.author.untrusted {
        None
    } else {
        Some(secrets::password(&loaded.cluster, loaded.directory())?)
    };
    let connections = context::connect(&loaded.cluster)?;
    let screen = context::screen(global);
    let begin = Instant::now();
    let seen = context::block_on(crate::observe::observe(
        &loaded.cluster,
        &connections.hosts,
        password.as_ref(),
        &|event| screen.tell(&event),
    ))?;
    let seconds = begin.elapsed().as_secs_f64();
    let plan = make(global, loaded, &seen, &arguments.limit)?;
    show(global, loaded, &plan, &seen, seconds, arguments.diff.diff());
    if let Some(out) = &arguments.out {
        save(loaded, &plan, &arguments.limit, out)?;
        if global.format == Format::Human {
            sink::out(&format!(
                "\nSaved. To do exactly this: pgrepl apply {}\n",
                out.display()
            ));
        }
    } else if global.format == Format::Human && !plan.steps.is_empty() {
        let limit = match &arguments.limit[..] {
            [] => String::new(),
            limit => format!(" --limit {}", limit.join(",")),
        };
        let path = shell_word(&loaded.path.to_string_lossy());
        sink::out(&format!("\nTo do this: pgrepl apply {path}{limit}\n"));
    }
    if seen.unseen().next().is_some() {
        return Ok(FailureKind::Unreachable.code());
    }
    Ok(if arguments.detailed_exitcode && !plan.is_empty() {
        PENDING
    } else {
        0
    })
}

/// Shows a plan in the wanted format.
pub fn show(
    global: &Global,
    loaded: &Loaded,
    plan: &Plan,
    seen: &Observation,
    seconds: f64,
    diff: Diff,
) {
    let file = loaded.file();
    match global.format {
        Format::Human => sink::out(&text::show(plan, seen, &file, seconds, diff, global.out())),
        Format::Markdown => sink::out(&markdown::plan(plan, seen, &file, seconds, diff)),
        Format::Json | Format::Jsonl => global.result(&Document::new(plan)),
    }
}

fn save(loaded: &Loaded, plan: &Plan, limit: &[String], out: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let cannot = format!("cannot save the plan to {}", out.display());
        Failure::of(FailureKind::Failed)(anyhow::Error::new(error).context(cannot))
    };
    let inventory = std::path::absolute(&loaded.path).map_err(failed)?;
    let saved = Saved {
        version: env!("CARGO_PKG_VERSION").into(),
        made_from: context::digests(&inventory, &loaded.own_templates).map_err(failed)?,
        inventory,
        limit: limit.to_vec(),
        plan: sink::shown(plan).map_err(|error| failed(error.into()))?,
    };
    let json = serde_json::to_string_pretty(&saved).map_err(|error| failed(error.into()))?;
    // What stands in the files of the hosts is not for everybody.
    write::private(out, &json).map_err(failed)
}
