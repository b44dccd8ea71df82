//! What reading an inventory gives.

use super::cluster::Cluster;
use super::problem::Problem;
use super::reach::Reach;

/// A complete inventory with the remarks that do not stop anything.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The wish.
    pub cluster: Cluster,
    /// Remarks.
    pub notes: Vec<Problem>,
    /// What reaches beyond the inventory on the machine that reads it.
    pub reaches: Vec<Reach>,
}
