//! Which facts have columns, and how many: one that lacks some is told by nobody, and half of it is not taken for all.

/// The facts with columns, which tabs end.
const COLUMNS: [(&str, usize); 22] = [
    ("copy", 4),
    ("digest", 2),
    ("disk", 4),
    ("file", 5),
    ("file_system", 4),
    ("interface", 2),
    ("interface_address", 2),
    ("line", 2),
    ("os", 4),
    ("pgpass_file", 2),
    ("pgpass_password", 2),
    ("pool_console", 3),
    ("pool_file", 2),
    ("pool_host", 2),
    ("pool_line", 2),
    ("resolved", 2),
    ("staging_holds", 2),
    ("tablespace", 2),
    ("tablespace_link", 2),
    ("text", 2),
    ("timer", 3),
    ("unit", 3),
];

/// Looks at every fact of a probe; the error names the first that lacks a column.
pub(super) fn check(facts: &[(String, String)]) -> Result<(), String> {
    for (key, value) in facts {
        let wanted = COLUMNS.iter().find(|(name, _)| name == key);
        let found = value.split('\t').count();
        if let Some((_, many)) = wanted.filter(|(_, many)| found < *many) {
            let begin: String = value.chars().take(60).collect();
            return Err(format!(
                "expected the fact {key} in {many} columns, found {begin:?}"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_that_lacks_a_column_is_an_error() {
        let said = |key: &str, value: &str| check(&[(key.to_owned(), value.to_owned())]);
        assert_eq!(said("tablespace", "16390\t/srv/a\tb"), Ok(()));
        assert_eq!(said("data", "/srv"), Ok(()));
        assert_eq!(
            said("tablespace", "16390"),
            Err("expected the fact tablespace in 2 columns, found \"16390\"".into())
        );
        assert!(said("file", "/a\tpostgres\tpostgres\t640").is_err());
    }
}
