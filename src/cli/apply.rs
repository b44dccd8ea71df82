//! `pgrepl apply`.

use std::cell::Cell;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::Instant;

use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use super::context::{self, Connections, Loaded};
use super::plan::{DiffArgument, Saved, make, show};
use super::{Failure, Format, Global, Kind, secrets};
use crate::command::Vault;
use crate::execute::{Outcomes, Run, cancel, execute};
use crate::facts::Observation;
use crate::host::lock::{self, Lock, NotLocked};
use crate::observe::observe;
use crate::plan::Plan;
use crate::report::event::{Event, Outcome};
use crate::report::run::Screen;
use crate::report::sink;

/// Makes every server match the inventory, or does what a saved plan says
///
/// Examples:
///   pgrepl apply inventory.yaml
///   pgrepl apply inventory.yaml --auto-approve --limit server3
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The inventory, or a plan saved with `pgrepl plan --out`
    inventory: Option<PathBuf>,
    /// Does not ask
    #[arg(long)]
    auto_approve: bool,
    /// Touches these hosts only
    #[arg(long, value_name = "HOST,…", value_delimiter = ',')]
    limit: Vec<String>,
    /// Works on so many hosts at the same time
    #[arg(long, value_name = "N", default_value_t = 10)]
    parallel: usize,
    /// Shows the plan and does nothing
    #[arg(long)]
    dry_run: bool,
    /// How much of a file's change is shown: full, changed, none
    #[arg(long, default_value = "changed")]
    diff: DiffArgument,
}

/// Runs the command.
pub fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let saved = arguments.inventory.as_ref().map_or(Ok(None), saved)?;
    if arguments.dry_run {
        let inventory = saved.map_or_else(
            || arguments.inventory.clone(),
            |saved| Some(saved.inventory),
        );
        return super::plan::run(
            global,
            &super::plan::Arguments {
                inventory,
                out: None,
                detailed_exitcode: false,
                limit: arguments.limit.clone(),
                diff: arguments.diff,
            },
        );
    }
    let loaded = match &saved {
        Some(saved) => context::load(global, Some(&saved.inventory))?,
        None => context::load(global, arguments.inventory.as_ref())?,
    };
    let limit = saved
        .as_ref()
        .map_or_else(|| arguments.limit.clone(), |saved| saved.limit.clone());
    let password = secrets::password(&loaded.cluster, loaded.directory())?;
    let vault = secrets::vault(&loaded.cluster, &password)?;
    let connections = context::connect(&loaded.cluster)?;
    let screen = context::screen(global);
    context::block_on(async {
        let apply = Apply {
            global,
            arguments,
            loaded: &loaded,
            limit: &limit,
            saved: saved.as_ref(),
            password: &password,
            vault: &vault,
            connections: &connections,
            screen: &screen,
        };
        let result = apply.go().await;
        let code = match &result {
            Ok(code) => *code,
            Err(failure) => failure.kind.code(),
        };
        screen.tell(&Event::End {
            code: i32::from(code),
        });
        result
    })?
}

/// Reads a saved plan; an inventory is none.
fn saved(path: &PathBuf) -> Result<Option<Saved>, Failure> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(None);
    };
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    let stale = |why: String| {
        Failure::new(
            Kind::Stale,
            format!("cannot use the saved plan {}: {why}", path.display()),
        )
        .help("make a new one: pgrepl plan --out FILE")
    };
    let saved: Saved = serde_json::from_str(&text)
        .map_err(|error| stale(format!("it does not read, at line {}", error.line())))?;
    if saved.version != env!("CARGO_PKG_VERSION") {
        return Err(stale(format!(
            "expected one of version {}, found {}",
            env!("CARGO_PKG_VERSION"),
            saved.version
        )));
    }
    Ok(Some(saved))
}

struct Apply<'a> {
    global: &'a Global,
    arguments: &'a Arguments,
    loaded: &'a Loaded,
    limit: &'a [String],
    saved: Option<&'a Saved>,
    password: &'a SecretString,
    vault: &'a Vault,
    connections: &'a Connections,
    screen: &'a Screen,
}

impl Apply<'_> {
    async fn look(&self) -> Observation {
        observe(
            &self.loaded.cluster,
            &self.connections.hosts,
            Some(self.password),
            &|event| self.screen.tell(&event),
        )
        .await
    }

    async fn go(&self) -> Result<u8, Failure> {
        self.screen.tell(&Event::Begin {
            program: "pgrepl",
            version: env!("CARGO_PKG_VERSION"),
            format_version: crate::plan::FORMAT_VERSION,
            command: "apply".into(),
            cluster: self.loaded.cluster.name.clone(),
        });
        let begin = Instant::now();
        let mut seen = self.look().await;
        let mut plan = make(self.global, self.loaded, &seen, self.limit)?;
        if self.global.format == Format::Human && !self.global.quiet {
            show(
                self.global,
                self.loaded,
                &plan,
                &seen,
                begin.elapsed().as_secs_f64(),
                self.arguments.diff.diff(),
            );
        }
        if let Some(saved) = self.saved
            && saved.plan != plan
        {
            return Err(Failure::new(
                Kind::Stale,
                "the saved plan is out of date: a host or the inventory is not as it was",
            )
            .help("make a new one: pgrepl plan --out FILE"));
        }
        let unreachable = seen.unseen().next().is_some();
        let blocked = plan.blocked().next().is_some();
        if plan.steps.is_empty() {
            return match (unreachable, blocked) {
                (true, _) => Ok(Kind::Unreachable.code()),
                (false, true) => Ok(Kind::Refused.code()),
                (false, false) => Ok(0),
            };
        }
        self.ask(&plan)?;
        let _locks = self.lock(&seen).await?;
        // What was shown may have waited for an answer for hours.
        if !self.arguments.auto_approve || self.saved.is_some() {
            seen = self.look().await;
            let again = make(self.global, self.loaded, &seen, self.limit)?;
            if again != plan {
                return Err(Failure::new(
                    Kind::Stale,
                    "a host has changed since the plan was shown; nothing was done",
                )
                .help("run it again"));
            }
            plan = again;
        }
        let stop = Cell::new(false);
        let run = Run {
            cluster: &self.loaded.cluster,
            hosts: &self.connections.hosts,
            seen: &seen,
            vault: self.vault,
            password: Some(self.password),
            parallel: self.arguments.parallel,
            stop: &stop,
            tell: &|event| self.screen.tell(&event),
        };
        let outcomes = tokio::select! {
            outcomes = execute(&plan, &run) => outcomes,
            () = self.twice_interrupted(&stop) => {
                cancel(&plan, &run).await;
                return Err(Failure::new(Kind::Interrupted, "stopped at once: the steps that were running may be half done").help(format!("see where everything stands, then go on: pgrepl apply {}", self.loaded.path.display())));
            }
        };
        self.verify(&plan, &outcomes, stop.get(), begin).await
    }

    /// The plan was done if a second one is empty; else what is left is told.
    async fn verify(
        &self,
        plan: &Plan,
        outcomes: &Outcomes,
        interrupted: bool,
        begin: Instant,
    ) -> Result<u8, Failure> {
        let changed = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Changed { .. }))
            .count();
        let good = outcomes.iter().filter(|outcome| outcome.is_good()).count();
        let again = format!("pgrepl apply {}", self.loaded.path.display());
        let report = |headline: String| {
            let mut text = format!(
                "{headline}\n  {good} of {} steps are done, {changed} changed something",
                outcomes.len()
            );
            for (step, outcome) in plan
                .steps
                .iter()
                .zip(outcomes)
                .filter(|(_, outcome)| !outcome.is_good())
            {
                let why = match outcome {
                    Outcome::Failed { message, .. } => format!("failed: {message}"),
                    Outcome::Refused { expected, found } => {
                        format!("refused: expected {expected}, found {found}")
                    }
                    Outcome::Skipped { because } => format!("not started: {because}"),
                    Outcome::Unknown { because } => format!("outcome unknown: {because}"),
                    Outcome::Changed { .. } | Outcome::AlreadyDone => continue,
                };
                text += &format!("\n  {}  {}: {why}", step.node, step.action.act().title());
            }
            text
        };
        if interrupted && good < outcomes.len() {
            return Err(Failure::new(Kind::Interrupted, report("interrupted".into())).help(again));
        }
        if good < outcomes.len() {
            let kind = if changed == 0 {
                Kind::Failed
            } else {
                Kind::PartWay
            };
            return Err(Failure::new(kind, report("not everything was done".into()))
                .help(format!("once the cause is mended: {again}")));
        }
        let seen = self.look().await;
        let left = make(self.global, self.loaded, &seen, self.limit)?;
        if !left.steps.is_empty() {
            let steps: Vec<String> = left
                .steps
                .iter()
                .map(|step| format!("{}  {}", step.node, step.action.act().title()))
                .collect();
            return Err(Failure::new(
                Kind::PartWay,
                format!(
                    "every step was done, and yet something is left\n  {}",
                    steps.join("\n  ")
                ),
            )
            .help(again));
        }
        if self.global.format == Format::Human && !self.global.quiet {
            let s = self.global.err();
            sink::err(&format!(
                "{} {changed} steps in {:.1} s; read again: every server matches.\n",
                s.green("Done:"),
                begin.elapsed().as_secs_f64()
            ));
        }
        Ok(
            match (
                seen.unseen().next().is_some(),
                left.blocked().next().is_some(),
            ) {
                (true, _) => Kind::Unreachable.code(),
                (false, true) => Kind::Refused.code(),
                (false, false) => 0,
            },
        )
    }

    fn ask(&self, plan: &Plan) -> Result<(), Failure> {
        if self.arguments.auto_approve {
            return Ok(());
        }
        if self.global.no_input || !std::io::stdin().is_terminal() {
            return Err(Failure::new(Kind::Refused, "nobody is here to approve the plan").help("--auto-approve, or `pgrepl plan --out FILE` and `pgrepl apply FILE --auto-approve`"));
        }
        let hosts: std::collections::BTreeSet<_> =
            plan.steps.iter().map(|step| &step.node).collect();
        sink::err(&format!(
            "\nDo this on {} of {} hosts? Only `yes` does it: ",
            hosts.len(),
            plan.nodes.len()
        ));
        let mut answer = String::new();
        let _ = std::io::stdin().lock().read_line(&mut answer);
        if answer.trim() == "yes" {
            Ok(())
        } else {
            Err(Failure::new(
                Kind::Refused,
                "not approved, nothing was done",
            ))
        }
    }

    async fn lock(&self, seen: &Observation) -> Result<Vec<Lock>, Failure> {
        let who = std::env::var("USER").unwrap_or_else(|_| "someone".into());
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let holder = format!(
            "{who}@{} pid {} since {since} (seconds since 1970): pgrepl apply",
            machine.trim(),
            std::process::id()
        );
        let takes = seen.seen().filter_map(|(node, _)| {
            let host = self.connections.hosts.get(node)?.clone();
            let holder = &holder;
            Some(async move {
                (
                    node,
                    lock::take(host, &self.loaded.cluster.name, holder).await,
                )
            })
        });
        let mut locks = Vec::new();
        for (node, taken) in join_all(takes).await {
            match taken {
                Ok(lock) => locks.push(lock),
                Err(NotLocked::Held(by)) => return Err(Failure::new(Kind::Locked, format!("{node} is locked by another run: {by}")).help("wait for it to end; a run whose connection was cut frees its lock within a minute")),
                Err(NotLocked::Failed(error)) => return Err(Failure::new(Kind::Unreachable, format!("cannot lock {node}: {error}"))),
            }
        }
        Ok(locks)
    }

    /// Ends with the second interrupt; the first one lets the running steps come to their end.
    async fn twice_interrupted(&self, stop: &Cell<bool>) {
        let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) else {
            return std::future::pending().await;
        };
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if first {
                stop.set(true);
                self.screen.tell(&Event::Interrupted);
            }
        }
    }
}
