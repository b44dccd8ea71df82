//! A run as it happens: a live line per busy host on a terminal, plain lines elsewhere, JSON lines for programs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use super::event::{Event, Outcome};
use super::foreign::line as harmless;
use super::layout::folded;
use super::reading::{Reading, spinner};
use super::style::{Style, bytes, duration};
use super::{sink, step};
use crate::inventory::NodeName;

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// On a terminal.
    Live,
    /// One plain line when a step starts and ends.
    Plain,
    /// One JSON object per event on standard output.
    JsonLines,
    /// Not at all.
    Quiet,
}

struct Busy {
    bar: Option<ProgressBar>,
    begin: Instant,
    told: Instant,
}

/// Shows events as they come.
pub struct Screen {
    show: Show,
    verbose: bool,
    style: Style,
    bars: MultiProgress,
    busy: RefCell<BTreeMap<NodeName, Busy>>,
    reading: Reading,
}

impl Screen {
    /// Makes a screen; `verbose` also shows what programs on the hosts say.
    pub fn new(show: Show, verbose: bool, style: Style) -> Self {
        let target = if show == Show::Live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            show,
            verbose,
            style,
            bars: MultiProgress::with_draw_target(target),
            busy: RefCell::default(),
            reading: Reading::default(),
        }
    }

    /// Writes a line above the live ones.
    fn line(&self, text: &str) {
        if self.show == Show::Live {
            // Falls back on nothing when standard error is gone.
            let _ = self.bars.println(sink::safe(text));
        } else {
            sink::err(&format!("{text}\n"));
        }
    }

    /// Shows one event.
    pub fn tell(&self, event: &Event) {
        if self.show == Show::JsonLines {
            sink::json(event);
            return;
        }
        if self.show == Show::Quiet {
            return;
        }
        match event {
            Event::StepStarted {
                step,
                steps,
                node,
                title,
            } => self.started(node, title, *step, *steps),
            Event::Observing { nodes } if self.show == Show::Live => {
                self.reading.begin(nodes, &self.bars);
            }
            Event::Observed { node, .. } if self.show == Show::Live => self.reading.heard(node),
            Event::StepProgress {
                node,
                title,
                done,
                total,
                ..
            } => self.progress(node, title, *done, *total),
            Event::StepSaid {
                node,
                line,
                note: true,
                ..
            } => {
                let mark = self.style.yellow("!");
                self.line(&format!(
                    "{mark} {node:<12} {}",
                    folded(line, 15, self.style)
                ));
            }
            Event::StepSaid { node, line, .. } if self.verbose => {
                self.line(&self.style.dim(&format!("  {node}  {}", harmless(line))))
            }
            Event::StepEnded {
                node,
                title,
                outcome,
                ms,
                ..
            } => self.ended(node, title, outcome, *ms),
            Event::Interrupted => self.line(
                "interrupted: the running steps are brought to their end; once more stops at once",
            ),
            Event::AtWork { node, title } => self.line(&format!(
                "  {node:<12} waits for a step of an earlier run that is still at work: {}",
                harmless(title)
            )),
            Event::Begin { .. }
            | Event::Observing { .. }
            | Event::Observed { .. }
            | Event::StepSaid { .. }
            | Event::End { .. } => {}
        }
    }

    fn started(&self, node: &NodeName, title: &str, step: usize, steps: usize) {
        let place = format!("{}/{steps}", step + 1);
        let bar = (self.show == Show::Live).then(|| {
            let bar = spinner(&self.bars);
            bar.set_message(format!("{node:<12} {title}  {place}"));
            bar
        });
        if self.show == Show::Plain {
            self.line(&format!("  {node:<12} {title} … {place}"));
        }
        let now = Instant::now();
        self.busy.borrow_mut().insert(
            node.clone(),
            Busy {
                bar,
                begin: now,
                told: now,
            },
        );
    }

    fn progress(&self, node: &NodeName, title: &str, done: u64, total: u64) {
        let mut all = self.busy.borrow_mut();
        let Some(busy) = all.get_mut(node) else {
            return;
        };
        let seconds = busy.begin.elapsed().as_secs_f64().max(0.1);
        let rate = done as f64 / seconds;
        let left = if rate > 0.0 {
            (total.saturating_sub(done) as f64 / rate) as u64
        } else {
            0
        };
        let percent = (done * 100).checked_div(total).unwrap_or(0).min(100);
        let filled = usize::try_from(percent / 5).unwrap_or(0);
        let figures = format!(
            "{percent:>3}%  {}/{}  {}/s  {} left",
            bytes(done),
            bytes(total),
            bytes(rate as u64),
            duration(left)
        );
        if let Some(bar) = &busy.bar {
            bar.set_message(format!(
                "{node:<12} {title}  {}{}  {figures}",
                "█".repeat(filled),
                "░".repeat(20 - filled)
            ));
        } else if busy.told.elapsed() > Duration::from_secs(10) {
            busy.told = Instant::now();
            self.line(&format!("  {node:<12} {title} {figures}"));
        }
    }

    fn ended(&self, node: &NodeName, title: &str, outcome: &Outcome, ms: u64) {
        if let Some(busy) = self.busy.borrow_mut().remove(node)
            && let Some(bar) = busy.bar
        {
            bar.finish_and_clear();
        }
        self.line(&step::ended(node.as_str(), title, outcome, ms, self.style));
        if let Outcome::Failed { output, .. } = outcome {
            for said in output {
                self.line(&format!("    {}", harmless(said)));
            }
        }
    }
}
