//! Every server parameter of every supported version, and what a change of it needs.

use std::sync::LazyLock;

use super::Major;

/// A parameter as one major version has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, in lower case.
    pub name: &'static str,
    /// What kind of value it takes.
    pub kind: ParameterKind,
    /// What a change needs: `postmaster`, `sighup`, `user`, … as in `pg_settings.context`.
    pub context: &'static str,
}

/// What kind of value a parameter takes.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterKind {
    /// A truth.
    Bool,
    /// An integer in `unit`, which is empty for plain numbers.
    Int {
        /// Base unit, as in `pg_settings.unit`.
        unit: String,
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A floating-point number in `unit`.
    Real {
        /// Base unit.
        unit: String,
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// One of these words.
    Enum(Vec<String>),
    /// Any text.
    Text,
}

/// The parameters whose value on a standby must not be below the primary's (manual, 26.4.2).
pub fn hot_standby_sensitive(major: Major) -> impl Iterator<Item = &'static str> {
    const ALWAYS: [&str; 4] = [
        "max_connections",
        "max_prepared_transactions",
        "max_locks_per_transaction",
        "max_worker_processes",
    ];
    let senders = major
        .caps()
        .senders_are_sensitive
        .then_some("max_wal_senders");
    ALWAYS.into_iter().chain(senders)
}

struct Row {
    name: &'static str,
    from: Major,
    to: Major,
    fields: Vec<&'static str>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows: Vec<Row> = include_str!("parameters.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut fields: Vec<&'static str> = line.split('\t').collect();
            fields.resize(9, "");
            let major = |text: &str| -> Major {
                text.parse()
                    .expect("parameters.tsv names supported versions only, see its test")
            };
            Row {
                name: fields[0],
                from: major(fields[1]),
                to: major(fields[2]),
                fields: fields[3..].to_vec(),
            }
        })
        .collect();
    rows.sort_by_key(|row| (row.name, row.from));
    rows
});

/// Finds a parameter of a version by its name, in whatever case.
pub fn lookup(major: Major, name: &str) -> Option<Parameter> {
    let name = name.to_ascii_lowercase();
    let first = ROWS.partition_point(|row| row.name < name.as_str());
    ROWS[first..]
        .iter()
        .take_while(|row| row.name == name)
        .find(|row| row.from <= major && major <= row.to)
        .map(|row| {
            let [vartype, unit, context, min, max, values] = row.fields[..] else {
                unreachable!("every row is resized to its nine fields");
            };
            Parameter {
                name: row.name,
                kind: kind(vartype, unit, min, max, values),
                context,
            }
        })
}

/// Makes a kind from the columns of `pg_settings`.
pub fn kind(vartype: &str, unit: &str, min: &str, max: &str, values: &str) -> ParameterKind {
    match vartype {
        "bool" => ParameterKind::Bool,
        "int" | "integer" => ParameterKind::Int {
            unit: unit.to_owned(),
            min: min.parse().unwrap_or(i64::MIN),
            max: max.parse().unwrap_or(i64::MAX),
        },
        "real" => ParameterKind::Real {
            unit: unit.to_owned(),
            min: min.parse().unwrap_or(f64::MIN),
            max: max.parse().unwrap_or(f64::MAX),
        },
        "enum" => ParameterKind::Enum(values.split(',').map(str::to_owned).collect()),
        _ => ParameterKind::Text,
    }
}

/// Says which versions know a parameter that this one does not: "known since 13", "known until 12".
pub fn elsewhere(major: Major, name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let rows: Vec<&Row> = ROWS.iter().filter(|row| row.name == name).collect();
    let (first, last) = (rows.first()?.from, rows.last()?.to);
    if major < first {
        Some(format!("known since version {first}"))
    } else if major > last {
        Some(format!("known until version {last}"))
    } else {
        None
    }
}

/// Returns the parameters of this version whose names are most like this one, the nearest first.
pub fn similar(major: Major, name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    ROWS.iter()
        .filter(|row| row.from <= major && major <= row.to)
        .map(|row| (strsim::damerau_levenshtein(row.name, &name), row.name))
        .filter(|(distance, _)| *distance <= 3)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn major(text: &str) -> Major {
        text.parse().unwrap()
    }

    #[test]
    fn every_row_is_well_formed() {
        for row in ROWS.iter() {
            assert!(row.from <= row.to, "{}", row.name);
            assert!(
                ["bool", "int", "real", "enum", "string"].contains(&row.fields[0]),
                "{}",
                row.name
            );
            if row.fields[0] == "int" {
                row.fields[3].parse::<i64>().unwrap();
                row.fields[4].parse::<i64>().unwrap();
            }
        }
    }

    #[test]
    fn contexts_follow_the_version() {
        let context = |version, name| lookup(major(version), name).map(|p| p.context);
        assert_eq!(context("12", "primary_conninfo"), Some("postmaster"));
        assert_eq!(context("13", "primary_conninfo"), Some("sighup"));
        assert_eq!(context("11", "primary_conninfo"), None);
        assert_eq!(context("9.6", "ssl"), Some("postmaster"));
        assert_eq!(context("10", "SSL"), Some("sighup"));
        assert_eq!(context("18", "autovacuum_max_workers"), Some("sighup"));
        assert_eq!(context("18", "wal_receiver_timeout"), Some("sighup"));
        assert_eq!(context("19", "wal_receiver_timeout"), Some("user"));
    }

    #[test]
    fn a_parameter_of_another_version_is_explained() {
        assert_eq!(
            elsewhere(major("12"), "wal_keep_size").unwrap(),
            "known since version 13"
        );
        assert_eq!(
            elsewhere(major("13"), "wal_keep_segments").unwrap(),
            "known until version 12"
        );
        assert_eq!(
            elsewhere(major("19"), "io_workers").unwrap(),
            "known until version 18"
        );
        assert_eq!(elsewhere(major("13"), "work_mem"), None);
        assert_eq!(
            similar(major("16"), "shared_bufers"),
            Some("shared_buffers")
        );
        assert_eq!(similar(major("16"), "xyzzyxyzzy"), None);
    }
}
