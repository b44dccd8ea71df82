//! The manual page of the inventory, from the declaration of its keys.

use roff::{Roff, bold, italic, roman};

use crate::inventory::keys;

/// What stands in front of the keys.
const ABOUT: [&str; 3] = [
    "An inventory is a YAML file that describes one set of PostgreSQL servers: a primary, its standbys, their configuration and \
     the mount that backups live on. pgrepl makes the servers match it.",
    "It is looked for as pgrepl.yaml and inventory.yaml in the working directory, unless an argument, --inventory or the variable \
     PGREPL_INVENTORY names another one. Lists and mappings are YAML's; there are no includes and no variables. A key that is not \
     known, or stands twice, is an error with its line and column: see pgrepl-validate(1).",
    "NAME stands for a name of your own: a host, a parameter, a place.",
];

/// Returns the page as roff: `pgrepl-inventory(5)`.
pub fn inventory() -> String {
    let mut page = Roff::new();
    page.control("TH", ["pgrepl-inventory", "5", "", "pgrepl", "pgrepl"]);
    page.control("SH", ["NAME"]);
    page.text([roman(
        "pgrepl-inventory - the file that describes a set of PostgreSQL servers",
    )]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in ABOUT {
        page.control("PP", []);
        page.text([roman(paragraph)]);
    }
    page.control("SH", ["KEYS"]);
    for key in keys() {
        page.control("TP", []);
        page.text([
            bold(key.path),
            roman("  "),
            italic(key.values.replace('`', "")),
        ]);
        page.text([roman(key.says)]);
        let beside = [("Default", key.usual), ("Example", key.example)];
        for (what, value) in beside {
            if let Some(value) = value {
                page.control("br", []);
                page.text([roman(format!("{what}: {value}"))]);
            }
        }
    }
    page.control("SH", ["EXAMPLE"]);
    page.control("EX", []);
    for line in include_str!("../../inventories/minimal.yaml")
        .lines()
        .skip(2)
    {
        page.text([roman(line)]);
    }
    page.control("EE", []);
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(
        "pgrepl(1), pgrepl-init(1), pgrepl-validate(1), pgrepl-schema(1), and the examples in /usr/share/doc/pgrepl/examples",
    )]);
    page.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_on_the_page() {
        let page = inventory();
        for key in keys() {
            let shown = key.path.replace('-', "\\-");
            assert!(page.contains(&format!("\\fB{shown}\\fR")), "{}", key.path);
        }
        assert!(page.contains("cluster: shop"), "{page}");
    }
}
