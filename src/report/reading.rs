//! Who has not answered yet, once that takes longer than people expect.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::inventory::NodeName;

/// Hosts that answer sooner are not spoken of.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Left {
    nodes: BTreeSet<NodeName>,
    bar: Option<ProgressBar>,
}

impl Left {
    fn say(&self) {
        let names: Vec<&str> = self.nodes.iter().map(NodeName::as_str).collect();
        if let Some(bar) = &self.bar {
            bar.set_message(format!("waits for {}", names.join(", ")));
        }
    }
}

/// The hosts that are being read, and the line that names those that have not answered.
#[derive(Clone, Default)]
pub(super) struct Reading(Arc<Mutex<Left>>);

impl Reading {
    fn change(&self, how: impl FnOnce(&mut Left)) {
        how(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Begins to wait for these hosts; the line comes by itself.
    pub fn begin(&self, nodes: &[NodeName], bars: &MultiProgress) {
        self.change(|left| left.nodes = nodes.iter().cloned().collect());
        let (later, bars) = (self.clone(), bars.clone());
        std::thread::spawn(move || {
            std::thread::sleep(PATIENCE);
            later.change(|left| {
                if !left.nodes.is_empty() && left.bar.is_none() {
                    left.bar = Some(spinner(&bars).with_elapsed(PATIENCE));
                    left.say();
                }
            });
        });
    }

    /// One host has answered, or will not.
    pub fn heard(&self, node: &NodeName) {
        self.change(|left| {
            left.nodes.remove(node);
            left.say();
            if left.nodes.is_empty()
                && let Some(bar) = left.bar.take()
            {
                bar.finish_and_clear();
            }
        });
    }
}

/// Adds a line that shows for how long something has been going on.
pub(super) fn spinner(bars: &MultiProgress) -> ProgressBar {
    let bar = bars.add(ProgressBar::new_spinner());
    if let Ok(look) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
        bar.set_style(look);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
