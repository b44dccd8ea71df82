//! From the words of ssh and sudo to a message and what to type.

use crate::facts::Unreachable;

/// Reads why a host could not be reached from what ssh, sudo or the remote shell said.
pub fn explain(host: &str, text: &str) -> Unreachable {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim().trim_end_matches('\r'))
        .filter(|line| {
            !line.is_empty()
                && !line.starts_with("Warning: Permanently added")
                && !line.starts_with("** ")
        })
        .collect();
    let find = |what: &str| lines.iter().rev().find(|line| line.contains(what)).copied();
    let after = |line: &str, mark: &str| {
        line.split_once(mark)
            .map_or("", |(_, rest)| rest)
            .trim()
            .to_owned()
    };
    let (message, help) = if find("REMOTE HOST IDENTIFICATION HAS CHANGED").is_some() {
        let print = lines
            .iter()
            .find(|l| l.starts_with("SHA256:"))
            .map_or("", |l| l.trim_end_matches('.'));
        let place = find("Offending ").map_or(String::new(), |l| after(l, " in "));
        (
            format!("the host key of {host} has changed to {print} (known_hosts: {place})"),
            format!("if the host was reinstalled: ssh-keygen -R {host}, then ssh {host} once"),
        )
    } else if find("host key is known for").is_some()
        || find("Host key verification failed").is_some()
    {
        (
            format!("the host key of {host} is not known"),
            format!(
                "ssh {host} once and compare the key, or set `ssh: {{ known_hosts: accept-new }}`"
            ),
        )
    } else if find("Too many authentication failures").is_some() {
        (
            format!("{host} refused the login: too many keys were offered"),
            "set `ssh: { identity_file: … }` in the inventory".into(),
        )
    } else if let Some(line) = find("Permission denied (") {
        let user = line.split(':').next().unwrap_or(host).to_owned();
        let methods = after(line, "Permission denied (")
            .trim_end_matches([')', '.'])
            .to_owned();
        (
            format!(
                "cannot log in to {host}: login refused for {user}, the server offers {methods}"
            ),
            format!("ssh {host} true; is the right key loaded (ssh-add -l) and the user right?"),
        )
    } else if let Some(line) = find("Could not resolve hostname") {
        let name = after(line, "Could not resolve hostname");
        (
            format!(
                "cannot reach {host}: unknown host name {}",
                name.split(':').next().unwrap_or(host)
            ),
            format!("is it in your SSH configuration or DNS? ssh {host} true"),
        )
    } else if let Some(line) =
        find("stdio forwarding failed").or_else(|| find("closed by UNKNOWN port 65535"))
    {
        (
            format!("cannot reach {host} through its jump host: {line}"),
            format!("ssh -v {host} true"),
        )
    } else if let Some(line) = lines
        .iter()
        .rev()
        .find(|line| line.contains("connect to host"))
    {
        let why = line.rsplit(": ").next().unwrap_or(line).to_lowercase();
        let help = match why.as_str() {
            "connection refused" => {
                "sshd does not run there, or listens on another port (`ssh: { port: … }`)"
            }
            _ => "is the host up, and does a firewall let port 22 through?",
        };
        (format!("cannot reach {host}: {why}"), help.into())
    } else if find("during banner exchange").is_some() {
        (
            format!("cannot reach {host}: the port answers, but not as an SSH server"),
            "the host is overloaded, or another service has that port".into(),
        )
    } else if find("kex_exchange_identification").is_some() {
        (
            format!("{host} dropped the connection before the login"),
            "sshd limits connections (MaxStartups, PerSourcePenalties): wait a little and run it again".into(),
        )
    } else if find("sudo: a password is required").is_some()
        || find("sudo: a terminal is required").is_some()
        || find("is not in the sudoers file").is_some()
    {
        (
            format!("sudo on {host} wants a password"),
            format!("on {host}, with visudo: <user> ALL=(root) NOPASSWD: /bin/sh -s"),
        )
    } else if find("sudo: not found").is_some() || find("sudo: command not found").is_some() {
        (
            format!("cannot become root on {host}: sudo is not installed"),
            "install sudo there, or log in as root with `ssh: { user: root }` and `become: none`"
                .into(),
        )
    } else if find("This account is currently not available").is_some() {
        (
            format!("the login on {host} has no usable shell"),
            format!("on {host}: chsh -s /bin/sh <user>"),
        )
    } else if find("too long").is_some() && find("unix").is_some() {
        (
            "the directory for SSH control sockets has too long a name".into(),
            "set XDG_RUNTIME_DIR to a short path".into(),
        )
    } else {
        let last = lines
            .last()
            .copied()
            .unwrap_or("the connection ended without a word");
        (
            format!("cannot run commands on {host}: {last}"),
            format!("ssh {host} true should work and print nothing"),
        )
    };
    Unreachable {
        message,
        help,
        original: lines.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_failing_has_its_own_words() {
        for (text, message) in [
            (
                "ssh: Could not resolve hostname nohost: Name or service not known\r",
                "cannot reach s: unknown host name nohost",
            ),
            (
                "ssh: connect to host s port 22: Connection refused\r\n",
                "cannot reach s: connection refused",
            ),
            (
                "ssh: connect to host s port 22: No route to host",
                "cannot reach s: no route to host",
            ),
            (
                "ssh: connect to host s port 22: Connection timed out",
                "cannot reach s: connection timed out",
            ),
            (
                "Warning: Permanently added x\nadmin@s: Permission denied (publickey).",
                "cannot log in to s: login refused for admin@s, the server offers publickey",
            ),
            (
                "No ED25519 host key is known for s and you have requested strict checking.\r\nHost key verification failed.\r\n",
                "the host key of s is not known",
            ),
            ("sudo: a password is required", "sudo on s wants a password"),
            (
                "This account is currently not available.",
                "the login on s has no usable shell",
            ),
            (
                "kex_exchange_identification: read: Connection reset by peer",
                "s dropped the connection before the login",
            ),
            (
                "Received disconnect from 1.2.3.4 port 22:2: Too many authentication failures",
                "s refused the login: too many keys were offered",
            ),
            (
                "channel 0: open failed: connect failed: No route to host\nstdio forwarding failed\n",
                "cannot reach s through its jump host: stdio forwarding failed",
            ),
            (
                "",
                "cannot run commands on s: the connection ended without a word",
            ),
        ] {
            assert_eq!(explain("s", text).message, message);
            assert!(!explain("s", text).help.is_empty());
        }
        let changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nSHA256:abc.\nOffending ED25519 key in /h/known_hosts:3\nHost key verification failed.";
        assert_eq!(
            explain("s", changed).message,
            "the host key of s has changed to SHA256:abc (known_hosts: /h/known_hosts:3)"
        );
    }
}
