//! A status as data.

use serde::Serialize;

use super::archive::Summary;
use super::trouble::Trouble;
use crate::facts::Observation;
use crate::inventory::NodeName;

/// The status of a cluster as data: `--format json`.
#[derive(Serialize)]
pub struct Status<'a> {
    /// The version of this shape.
    pub format_version: &'static str,
    /// The cluster's name.
    pub cluster: &'a str,
    /// Who leads, if that can be said.
    pub leader: Option<NodeName>,
    /// Everything seen.
    pub hosts: &'a Observation,
    /// The backups, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backups: Option<Summary>,
    /// What is said of archiving and of the backups, a line each.
    #[serde(skip)]
    pub archive: String,
    /// Who changes something now, in the words of the cluster's lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What is wrong.
    pub problems: Vec<Trouble>,
    /// What is worth knowing and nothing wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Trouble>,
}

impl Status<'_> {
    /// Adds a problem, behind those that are as urgent.
    pub fn push(&mut self, mut problem: Trouble) {
        // What is half done is not broken: nobody shall work against who works.
        if self.run.is_some() && !problem.help.is_empty() && !problem.help.starts_with("if ") {
            problem.help = format!("if it is still so when the run has ended: {}", problem.help);
        }
        let before = |known: &Trouble| known.urgency <= problem.urgency;
        let at = self.problems.partition_point(before);
        self.problems.insert(at, problem);
    }
}
