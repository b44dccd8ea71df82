//! What a rebuild is asked for.

use serde::{Deserialize, Serialize};

use crate::facts::backups::Backup;
use crate::inventory::NodeName;
use crate::plan::{PlanError, Refusal};

/// Where the data comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopySource {
    /// The cheapest way that can work.
    Auto,
    /// pg_rewind.
    Rewind,
    /// A base backup of the server it will follow.
    Primary,
    /// A base backup of this server.
    Host(NodeName),
    /// A backup on the mount, then the archive, then streaming.
    Backup(Box<Backup>),
}

/// What a rebuild is told besides the cluster.
pub struct RebuildRequest<'a> {
    /// Who is rebuilt.
    pub node: &'a NodeName,
    /// From where.
    pub from: CopySource,
    /// Whether pg_rewind was tried and refused.
    pub rewind_failed: bool,
    /// How many transactions it has committed that no other server has, if they were counted.
    pub commits: Option<u64>,
}

pub(in crate::plan) fn refuse<T>(
    message: impl Into<String>,
    help: impl Into<String>,
) -> Result<T, PlanError> {
    Err(PlanError::Refused(Refusal {
        message: message.into(),
        details: Vec::new(),
        help: help.into(),
    }))
}
