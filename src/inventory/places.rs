//! Where in the file what was read stands.

use std::collections::BTreeMap;
use std::ops::Range;

use super::NodeName;

/// Where things stand that rules across fields complain about.
#[derive(Default)]
pub struct KeySpans {
    /// Each mention of a host: in `primary:`, `standbys:`.
    pub roles: Vec<(NodeName, Range<usize>)>,
    /// Each key of `hosts:`.
    pub hosts: BTreeMap<NodeName, Range<usize>>,
    /// Each `upstream:`.
    pub upstreams: BTreeMap<NodeName, Range<usize>>,
    /// Each parameter.
    pub parameters: Vec<ParameterSpan>,
    /// Each pg_hba.conf line.
    pub hba: Vec<(String, Range<usize>)>,
    /// Each `listen_addresses:`, with the host it is for.
    pub listening: Vec<(Option<NodeName>, String, Range<usize>)>,
    /// `clients.address.ip:`.
    pub address: Option<Range<usize>>,
    /// `synchronous:`.
    pub synchronous: Option<Range<usize>>,
    /// `backup.tool:`.
    pub tool: Option<Range<usize>>,
    /// `postgresql.version:`.
    pub version: Option<Range<usize>>,
}

/// Where a parameter stands.
pub struct ParameterSpan {
    /// The host it is for, or all.
    pub host: Option<NodeName>,
    /// Its lower-case name.
    pub name: String,
    /// The value as written.
    pub value: String,
    /// The place of the name; of the value where a key of the inventory stands for the parameter.
    pub at: Range<usize>,
    /// The place of the value.
    pub place: Range<usize>,
}
