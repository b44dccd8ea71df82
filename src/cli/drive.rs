//! One run of a command: its hosts, its questions to a person, and how its steps are executed.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, IsTerminal};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use super::context::{self, Connections, Loaded};
use super::{Failure, FailureKind, Format, Global, secrets};
use crate::command::{Vault, shell_word};
use crate::execute::{Outcomes, Run, cancel, execute, settle_started};
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::observe::{examine, observe};
use crate::plan::Plan;
use crate::plan::hooks::on_failure;
use crate::plan::restore::put_back_last::newest;
use crate::report::done::Done;
use crate::report::ending::ending;
use crate::report::event::{Event, Outcome};
use crate::report::run::Screen;
use crate::report::sink;
use crate::report::style::count;

/// How long a step that a run which is gone has begun is waited for; making a database cluster may take as long.
const PATIENCE: Duration = Duration::from_secs(300);

/// One run of a command.
pub struct Drive<'a> {
    /// The options of every command.
    pub global: &'a Global,
    /// The inventory.
    pub loaded: &'a Loaded,
    /// The replication password.
    pub password: Option<SecretString>,
    /// The secrets that steps send.
    pub vault: Vault,
    /// The hosts.
    pub connections: Connections,
    /// What is told while it runs.
    pub screen: Screen,
    /// Its name, "apply".
    pub command: &'static str,
    /// What to type to go on after a failure.
    pub again: String,
    /// How many hosts are worked on at the same time.
    pub parallel: usize,
    /// Whether the ordinary question is answered already.
    pub approved: bool,
    /// Whether it stops servers that run and puts others in their place: what these need is looked at then.
    pub replaces: bool,
    /// Whether it changes who leads: what makes a server able to is looked at closer then.
    pub leads: bool,
    /// When each step of the last plan ended.
    pub ended: RefCell<Vec<(usize, Instant)>>,
    /// The change of the primary that is under way, and who led before it.
    pub change: RefCell<Option<(Plan, NodeName)>>,
    /// What was done so far.
    pub done: RefCell<Done>,
}

impl<'a> Drive<'a> {
    /// Prepares a command that sends no secrets; it asks before it changes something, and works on all hosts at once.
    pub fn without_secrets(
        global: &'a Global,
        loaded: &'a Loaded,
        command: &'static str,
        again: String,
    ) -> Result<Self, Failure> {
        Ok(Drive {
            global,
            loaded,
            password: None,
            vault: Vault::default(),
            connections: context::connect(&loaded.cluster)?,
            screen: context::screen(global),
            command,
            again,
            parallel: usize::MAX >> 4,
            approved: false,
            replaces: false,
            leads: false,
            ended: RefCell::default(),
            change: RefCell::default(),
            done: RefCell::new(Done::begin(command, &loaded.cluster.name)),
        })
    }

    /// Prepares a command: reads the password, and makes of it what the hosts are sent.
    pub fn open(
        global: &'a Global,
        loaded: &'a Loaded,
        command: &'static str,
        again: String,
    ) -> Result<Self, Failure> {
        let password = secrets::password(&loaded.cluster, loaded.directory())?;
        let vault = secrets::vault(&loaded.cluster, &password)?;
        Ok(Drive {
            password: Some(password),
            vault,
            ..Drive::without_secrets(global, loaded, command, again)?
        })
    }

    /// Runs the command's work to its end, between the events that open and close its stream.
    pub fn run(&self, work: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
        context::block_on(async {
            self.begin();
            let result = work.await;
            if let Err(failure) = &result {
                self.tell_failure(failure).await;
            }
            self.end(result)
        })?
    }

    /// Notes that the primary changes by this plan: what goes wrong from now on is told to the hooks of the inventory.
    pub fn changing(&self, plan: &Plan, from: &NodeName) {
        self.change.replace(Some((plan.clone(), from.clone())));
    }

    async fn tell_failure(&self, failure: &Failure) {
        let change = self.change.take();
        let plan = change.and_then(|(plan, from)| {
            on_failure(&self.loaded.cluster, &plan, &from, &failure.message())
        });
        if let Some(plan) = plan {
            // How they end is told by their events, and changes nothing.
            let _ = self.execute(&plan, &Observation::default()).await;
        }
    }

    /// Opens the stream of events.
    fn begin(&self) {
        self.screen.tell(&Event::Begin {
            program: "pgrepl",
            version: env!("CARGO_PKG_VERSION"),
            format_version: crate::plan::FORMAT_VERSION,
            command: self.command.into(),
            cluster: self.loaded.cluster.name.clone(),
        });
    }

    /// Closes the stream of events with the exit code of a result.
    fn end(&self, result: Result<u8, Failure>) -> Result<u8, Failure> {
        let code = result
            .as_ref()
            .map_or_else(|failure| failure.kind.code(), |code| *code);
        self.screen.tell(&Event::End {
            code: i32::from(code),
        });
        if self.global.format == Format::Json && result.is_ok() && !self.global.has_result() {
            self.global.result(&*self.done.borrow());
        }
        result.map_err(|failure| Failure {
            done: Box::new(self.done.take()),
            ..failure
        })
    }

    /// Says whether a person reads along.
    pub fn speaks(&self) -> bool {
        self.global.format == Format::Human && !self.global.quiet
    }

    /// Reads every host, once nothing that a run which is gone has begun is at work any more.
    pub async fn look(&self) -> Observation {
        let begin = Instant::now();
        let mut told = None;
        loop {
            let (cluster, hosts) = (&self.loaded.cluster, &self.connections.hosts);
            let tell = |event| self.screen.tell(&event);
            let mut seen = observe(cluster, hosts, self.password.as_ref(), &tell).await;
            let me = format!(" pid {} since ", std::process::id());
            for node in cluster.nodes.keys() {
                if let Some(facts) = seen.facts_mut(node) {
                    facts.run = facts.run.take().filter(|run| !run.contains(&me));
                }
            }
            let at_work = seen.seen().find_map(|(node, facts)| {
                let title = facts.at_work.clone()?;
                Some((node.clone(), title))
            });
            // Whoever goes on all the same is refused by the lock.
            let Some(work) = at_work.filter(|_| begin.elapsed() < PATIENCE) else {
                if self.replaces {
                    examine(cluster, hosts, &mut seen, |_| true).await;
                }
                return seen;
            };
            if told.as_ref() != Some(&work) {
                let (node, title) = work.clone();
                self.screen.tell(&Event::AtWork { node, title });
                told = Some(work);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Asks whether a plan is to be done; without a terminal it is refused.
    pub fn ask(&self, plan: &Plan) -> Result<(), Failure> {
        if self.approved {
            return Ok(());
        }
        if !self.global.may_ask() || !std::io::stdin().is_terminal() {
            return Err(
                Failure::new(FailureKind::Refused, "cannot ask for approval: no terminal")
                    .help("--auto-approve"),
            );
        }
        let hosts: std::collections::BTreeSet<_> =
            plan.steps.iter().map(|step| &step.node).collect();
        sink::err(&format!(
            "\nDo this on {} of {}? Only `yes` does it: ",
            hosts.len(),
            count(plan.nodes.len(), "host")
        ));
        let mut answer = String::new();
        let _ = std::io::stdin().lock().read_line(&mut answer);
        if answer.trim() == "yes" {
            Ok(())
        } else {
            Err(Failure::new(
                FailureKind::Refused,
                "not approved, nothing was done",
            ))
        }
    }

    /// Asks for a host's name, unless `--confirm` gave it: the word for what cannot be undone.
    pub fn confirm(&self, host: &str, what: &str, given: &[String]) -> Result<(), Failure> {
        if given.iter().any(|name| name == host) {
            return Ok(());
        }
        if !self.global.may_ask() || !std::io::stdin().is_terminal() {
            return Err(
                Failure::new(FailureKind::Refused, format!("not confirmed: {what}"))
                    .help(format!("--confirm {}", shell_word(host))),
            );
        }
        sink::err(&format!(
            "\n{what}. To confirm, type the name of the host: "
        ));
        let mut answer = String::new();
        let _ = std::io::stdin().lock().read_line(&mut answer);
        if answer.trim() == host {
            Ok(())
        } else {
            Err(Failure::new(
                FailureKind::Refused,
                "not confirmed, nothing was done",
            ))
        }
    }

    /// Executes a plan; also says whether the first interrupt arrived meanwhile.
    pub async fn execute(
        &self,
        plan: &Plan,
        seen: &Observation,
    ) -> Result<(Outcomes, bool), Failure> {
        let stop = Cell::new(false);
        let tell = |event: Event| {
            if let Event::StepEnded { step, .. } = &event {
                self.ended.borrow_mut().push((*step, Instant::now()));
            }
            self.screen.tell(&event);
        };
        let run = self.running(seen, &stop, &tell);
        tokio::select! {
            // Asked first, so that signals are waited for before the first step is told to have begun.
            biased;
            () = self.twice_interrupted(&stop) => {
                cancel(plan, &run).await;
                Err(Failure::new(FailureKind::Interrupted, "stopped at once: the steps that were running may be half done")
                    .help(format!("see where everything stands, and what to type: pgrepl status {}", self.loaded.path.display())))
            }
            outcomes = execute(plan, &run) => {
                if !outcomes.iter().all(Outcome::is_good) {
                    settle_started(plan, &outcomes, &run).await;
                }
                self.done.borrow_mut().add(plan, &outcomes);
                Ok((outcomes, stop.get()))
            }
        }
    }

    /// Reads every host after a plan that was done, while the service managers come to rest.
    pub async fn verify(
        &self,
        plan: &Plan,
        outcomes: &Outcomes,
        seen: &Observation,
    ) -> Observation {
        let stop = Cell::new(false);
        let tell = |event: Event| self.screen.tell(&event);
        let run = self.running(seen, &stop, &tell);
        futures_util::future::join(self.look(), settle_started(plan, outcomes, &run))
            .await
            .0
    }

    fn running<'r>(
        &'r self,
        seen: &'r Observation,
        stop: &'r Cell<bool>,
        tell: &'r dyn Fn(Event),
    ) -> Run<'r> {
        Run {
            cluster: &self.loaded.cluster,
            hosts: &self.connections.hosts,
            seen,
            vault: &self.vault,
            password: self.password.as_ref(),
            parallel: self.parallel,
            stop,
            stamp: stamp(seen),
            tell,
        }
    }

    /// Turns outcomes that are not all good into the failure that tells of them.
    pub fn conclude(
        &self,
        plan: &Plan,
        outcomes: &Outcomes,
        interrupted: bool,
    ) -> Result<usize, Failure> {
        let changed = changed(outcomes);
        let good = outcomes.iter().filter(|outcome| outcome.is_good()).count();
        let report = |headline| ending(plan, outcomes, headline, self.global.verbose > 0);
        if good == outcomes.len() {
            return Ok(changed);
        }
        if interrupted {
            return Err(
                Failure::new(FailureKind::Interrupted, report("interrupted"))
                    .help(self.again.clone()),
            );
        }
        let kind = if changed == 0 {
            FailureKind::Failed
        } else {
            FailureKind::PartWay
        };
        Err(Failure::new(kind, report("not everything was done"))
            .help(format!("after fixing the cause, run: {}", self.again)))
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

/// Returns a moment for the names of what a run sets aside: now, and behind that of all that was set aside before.
fn stamp(seen: &Observation) -> String {
    const SHAPE: &str = "%Y%m%dT%H%M%SZ";
    let newest = newest(seen)
        .and_then(|newest| jiff::civil::DateTime::strptime(SHAPE, newest).ok())
        .and_then(|newest| jiff::tz::TimeZone::UTC.to_timestamp(newest).ok())
        .map(|newest| newest + jiff::SignedDuration::from_secs(1));
    let now = jiff::Timestamp::now();
    newest
        .map_or(now, |newest| newest.max(now))
        .strftime(SHAPE)
        .to_string()
}

fn changed(outcomes: &Outcomes) -> usize {
    outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Changed { .. }))
        .count()
}
