//! What an adoption is asked for.

/// Where to begin, and what is known already.
pub struct AdoptRequest<'a> {
    /// The hosts that were named; the first one is where it begins.
    pub hosts: Vec<String>,
    /// The cluster's name.
    pub cluster: Option<String>,
    /// The major version, where a host has several.
    pub version: Option<String>,
    /// The server's name at its service manager, where a host has several.
    pub instance: Option<String>,
    /// A client configuration file for ssh.
    pub ssh_config: Option<&'a str>,
    /// The mount that backups are to live on.
    pub mount: Option<&'a str>,
    /// Whether somebody is there to be asked.
    pub asks: bool,
}
