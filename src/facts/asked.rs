//! What a host is asked for once its settings are known.

use super::host::Facts;

/// Settings that name files of certificates, but for the key's.
pub(super) const FILES: [&str; 3] = ["ssl_cert_file", "ssl_ca_file", "ssl_crl_file"];

/// Returns what a host is asked for its running server: a kind, a blank and a name.
pub fn asked_for(facts: &Facts) -> Vec<String> {
    let Some(server) = &facts.server else {
        return Vec::new();
    };
    let says = |name: &str| server.settings.get(name).map_or("", |set| &set.setting);
    let mut asked = Vec::new();
    if says("ssl") == "on" {
        let path = |name: &str| {
            let path = says(name);
            let there = match path.starts_with('/') {
                true => path.to_owned(),
                false => format!("{}/{path}", facts.data.path),
            };
            (!path.is_empty() && !path.contains(char::is_control)).then_some(there)
        };
        let held = |name| Some(format!("held {name} {}", path(name)?));
        asked.extend(FILES.into_iter().filter_map(held));
        asked.extend(path("ssl_key_file").map(|path| format!("key {path}")));
    }
    asked.push("extensions of all databases".into());
    asked
}
