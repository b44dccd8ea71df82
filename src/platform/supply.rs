//! What a host is given that its systems keep apart from PostgreSQL: what to type there.

use super::place::Installer;

/// Returns the shell command, for root, that installs packages.
pub fn install(installer: Installer, packages: &str) -> Option<String> {
    match installer {
        Installer::Apt => Some(format!("apt-get install -y {packages}")),
        // Where there is dnf it has this name too.
        Installer::Dnf => Some(format!("yum install -y {packages}")),
        Installer::Nobody => None,
    }
}

/// Returns the shell command that brings a locale of the operating system; `root` stands in front of what root does there.
pub fn locale(installer: Installer, name: &str, root: &str) -> Option<String> {
    let apt = format!("{root} apt-get install -y locales");
    let (territory, rest) = name.split_once('.').unwrap_or((name, ""));
    let (charset, modifier) = rest.split_once('@').unwrap_or((rest, ""));
    let charset = match charset.to_ascii_lowercase().replace('-', "").as_str() {
        "utf8" => "UTF-8".to_owned(),
        plain => match plain.strip_prefix("iso8859") {
            Some(part) => format!("ISO-8859-{part}"),
            None => charset.to_owned(),
        },
    };
    let source = match modifier {
        "" => territory.to_owned(),
        modifier => format!("{territory}@{modifier}"),
    };
    match installer {
        // What /etc/locale.gen names survives the next locale-gen.
        Installer::Apt if charset == "UTF-8" && modifier.is_empty() => Some(format!(
            "{apt} && echo {territory}.UTF-8 UTF-8 | {root} tee -a /etc/locale.gen && {root} locale-gen"
        )),
        Installer::Apt if !charset.is_empty() => Some(format!(
            "{apt} && {root} localedef -i {source} -f {charset} {name}"
        )),
        Installer::Dnf => {
            let language = territory.split('_').next().unwrap_or(territory);
            Some(format!("{root} yum install -y glibc-langpack-{language}"))
        }
        Installer::Apt | Installer::Nobody => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_installer_brings_a_locale_in_its_own_way() {
        let of = |installer, name: &str| locale(installer, name, "ssh b sudo").unwrap_or_default();
        assert_eq!(
            of(Installer::Apt, "de_DE.utf8"),
            "ssh b sudo apt-get install -y locales && echo de_DE.UTF-8 UTF-8 | ssh b sudo tee -a /etc/locale.gen && ssh b sudo locale-gen"
        );
        assert_eq!(
            of(Installer::Apt, "de_DE.iso885915@euro"),
            "ssh b sudo apt-get install -y locales && ssh b sudo localedef -i de_DE@euro -f ISO-8859-15 de_DE.iso885915@euro"
        );
        assert_eq!(
            of(Installer::Dnf, "sr_RS.UTF-8@latin"),
            "ssh b sudo yum install -y glibc-langpack-sr"
        );
        assert_eq!(of(Installer::Nobody, "de_DE.UTF-8"), "");
    }
}
