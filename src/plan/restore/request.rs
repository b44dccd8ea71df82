//! What a restore is asked for.

use crate::facts::way::Line;
use crate::files::recovery::Target;
use crate::inventory::NodeName;
use crate::plan::{PlanError, Refusal};

/// What a restore is told besides the cluster.
pub struct RestoreRequest<'a> {
    /// Who is restored: it leads afterwards.
    pub to: &'a NodeName,
    /// Where the recovery ends.
    pub target: &'a Target,
    /// The same moment in seconds since 1970, for a time.
    pub moment: Option<u64>,
    /// The backup, if it was named.
    pub backup: Option<&'a str>,
    /// The timeline that is followed.
    pub timeline: Line,
}

pub(in crate::plan) fn refuse<T>(
    message: impl Into<String>,
    details: Vec<String>,
    help: impl Into<String>,
) -> Result<T, PlanError> {
    Err(PlanError::Refused(Refusal {
        message: message.into(),
        details,
        help: help.into(),
    }))
}
