//! The files of backup tools with a program of their own.

use std::path::Path;

use crate::{pgrepl, text};

#[test]
fn the_configuration_of_each_backup_tool_is_written_in_full() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories");
    let mut shown = String::new();
    for tool in ["pgbackrest", "pitrery"] {
        let (inventory, file) = (format!("{tool}.yaml"), format!("{tool}.conf"));
        let arguments = ["render", &inventory, "--host", "server1", "--file", &file];
        let ran = pgrepl(&examples, &arguments);
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        shown += &text(&ran.stdout);
    }
    insta::assert_snapshot!(shown);
}
