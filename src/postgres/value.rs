//! What a configuration value means, so that two ways of writing it are the same (guc.c: parse_int, parse_bool, config_enum_lookup_by_name).

use super::Major;
use super::parameters::ParameterKind;

/// A value in base units.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A truth.
    Bool(bool),
    /// An integer in the parameter's base unit.
    Int(i64),
    /// A number in the parameter's base unit.
    Real(f64),
    /// A word or a text.
    Text(String),
}

/// Reads a value as this version would; the error says what is allowed.
pub fn parse(major: Major, kind: &ParameterKind, text: &str) -> Result<Value, String> {
    match kind {
        ParameterKind::Bool => boolean(text)
            .map(Value::Bool)
            .ok_or_else(|| format!("expected on or off, found {text:?}")),
        ParameterKind::Int { unit, min, max } => {
            let value = integer(major, unit, text)?;
            if value < *min || value > *max {
                let unit = if unit.is_empty() {
                    String::new()
                } else {
                    format!(" (in {unit})")
                };
                return Err(format!("expected {min} to {max}{unit}, found {value}"));
            }
            Ok(Value::Int(value))
        }
        ParameterKind::Real { unit, min, max } => {
            let value = real(major, unit, text)?;
            if value < *min || value > *max {
                return Err(format!("expected {min} to {max}, found {value}"));
            }
            Ok(Value::Real(value))
        }
        ParameterKind::Enum(words) => word(words, text)
            .ok_or_else(|| format!("expected one of {}, found {text:?}", words.join(", "))),
        ParameterKind::Text => Ok(Value::Text(text.to_owned())),
    }
}

/// Says whether two ways of writing a value mean the same; unreadable values are compared as text.
pub fn same(major: Major, name: &str, kind: &ParameterKind, one: &str, other: &str) -> bool {
    const LISTS: [&str; 7] = [
        "shared_preload_libraries",
        "session_preload_libraries",
        "local_preload_libraries",
        "log_destination",
        "listen_addresses",
        "unix_socket_directories",
        "datestyle",
    ];
    if one == other {
        return true;
    }
    if LISTS.contains(&name) {
        let parts = |text: &str| -> Vec<String> {
            text.split(',')
                .map(|part| part.trim().to_lowercase())
                .collect()
        };
        return parts(one) == parts(other);
    }
    match (parse(major, kind, one), parse(major, kind, other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Says whether a value means "choose for yourself", so that a server shows another one.
pub fn is_automatic(name: &str, value: &Value) -> bool {
    match name {
        "wal_buffers" | "io_max_concurrency" => *value == Value::Int(-1),
        "transaction_buffers" | "subtransaction_buffers" | "commit_timestamp_buffers" => {
            *value == Value::Int(0)
        }
        _ => false,
    }
}

fn boolean(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let is = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if is("true", 1) || is("yes", 1) || text == "on" || text == "1" {
        Some(true)
    } else if is("false", 1) || is("no", 1) || text == "off" || text == "of" || text == "0" {
        Some(false)
    } else {
        None
    }
}

fn word(words: &[String], text: &str) -> Option<Value> {
    let text = text.to_ascii_lowercase();
    // Spellings that the server accepts without listing them.
    let meant = match text.as_str() {
        "archive" | "hot_standby" if words.iter().any(|w| w == "replica") => "replica",
        "true" | "yes" | "1" if words.iter().any(|w| w == "on") => "on",
        "false" | "no" | "0" if words.iter().any(|w| w == "off") => "off",
        "on" | "true" | "yes" | "1" if words.iter().any(|w| w == "md5") => "md5",
        other => other,
    };
    words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(meant))
        .map(|word| Value::Text(word.to_ascii_lowercase()))
}

/// A unit with its size in the smallest unit of its family, and the next smaller one.
struct Unit {
    name: &'static str,
    size: f64,
}

const MEMORY: [Unit; 5] = [
    Unit {
        name: "TB",
        size: 1024.0 * 1024.0 * 1024.0 * 1024.0,
    },
    Unit {
        name: "GB",
        size: 1024.0 * 1024.0 * 1024.0,
    },
    Unit {
        name: "MB",
        size: 1024.0 * 1024.0,
    },
    Unit {
        name: "kB",
        size: 1024.0,
    },
    Unit {
        name: "B",
        size: 1.0,
    },
];

const TIME: [Unit; 6] = [
    Unit {
        name: "d",
        size: 86_400_000_000.0,
    },
    Unit {
        name: "h",
        size: 3_600_000_000.0,
    },
    Unit {
        name: "min",
        size: 60_000_000.0,
    },
    Unit {
        name: "s",
        size: 1_000_000.0,
    },
    Unit {
        name: "ms",
        size: 1_000.0,
    },
    Unit {
        name: "us",
        size: 1.0,
    },
];

/// Splits `8kB` into 8 and kB: the base units of pg_settings may be multiples.
fn base_unit(unit: &str) -> Option<(f64, &'static [Unit])> {
    let digits = unit.chars().take_while(char::is_ascii_digit).count();
    let times: f64 = if digits == 0 {
        1.0
    } else {
        unit[..digits].parse().ok()?
    };
    let find = |family: &'static [Unit]| {
        family
            .iter()
            .find(|u| u.name == &unit[digits..])
            .map(|u| (times * u.size, family))
    };
    find(&MEMORY).or_else(|| find(&TIME))
}

fn allowed_units(major: Major, family: &'static [Unit]) -> impl Iterator<Item = &'static Unit> {
    let caps = major.caps();
    family.iter().filter(move |u| match u.name {
        "B" => caps.has_unit_byte,
        "us" => caps.has_unit_microsecond,
        _ => true,
    })
}

fn number(text: &str) -> Option<(f64, bool, &str)> {
    let text = text.trim_start();
    let signed = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    if let Some(hex) = signed
        .strip_prefix("0x")
        .or_else(|| signed.strip_prefix("0X"))
    {
        let end = hex
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(hex.len());
        let value = i64::from_str_radix(&hex[..end], 16).ok()?;
        return Some((sign * value as f64, true, &hex[end..]));
    }
    let whole = signed.chars().take_while(char::is_ascii_digit).count();
    let mut end = whole;
    if signed[end..].starts_with('.') {
        end += 1 + signed[end + 1..]
            .chars()
            .take_while(char::is_ascii_digit)
            .count();
    }
    if end == 0 || &signed[..end] == "." {
        return None;
    }
    if let Some(exponent) = signed[end..].strip_prefix(['e', 'E']) {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let count = digits.chars().take_while(char::is_ascii_digit).count();
        if count > 0 {
            end += 1 + (exponent.len() - digits.len()) + count;
        }
    }
    let digits = &signed[..end];
    let value = if end == whole && whole > 1 && digits.starts_with('0') {
        // As C does it: a leading zero means octal, and stops at the first digit that is none.
        let octal = digits
            .chars()
            .take_while(|c| ('0'..='7').contains(c))
            .count();
        if octal < digits.len() {
            return None;
        }
        i64::from_str_radix(digits, 8).ok()? as f64
    } else {
        digits.parse().ok()?
    };
    Some((sign * value, end == whole, &signed[end..]))
}

fn integer(major: Major, unit: &str, text: &str) -> Result<i64, String> {
    let expected = || expected(major, unit, "a whole number", text);
    let (value, whole, rest) = number(text).ok_or_else(expected)?;
    let fractions = major.caps().has_fractions;
    if !whole && !fractions {
        return Err(expected());
    }
    let value = scaled(major, unit, value, rest.trim(), fractions).ok_or_else(expected)?;
    let rounded = if fractions {
        value.round_ties_even()
    } else {
        value.trunc()
    };
    Ok(rounded as i64)
}

fn real(major: Major, unit: &str, text: &str) -> Result<f64, String> {
    let expected = || expected(major, unit, "a number", text);
    let (value, _, rest) = number(text).ok_or_else(expected)?;
    if !rest.trim().is_empty() && !major.caps().has_fractions {
        return Err(expected());
    }
    scaled(major, unit, value, rest.trim(), true).ok_or_else(expected)
}

fn scaled(major: Major, base: &str, value: f64, suffix: &str, fractions: bool) -> Option<f64> {
    if suffix.is_empty() {
        return Some(value);
    }
    let (base_size, family) = base_unit(base)?;
    let units: Vec<&Unit> = allowed_units(major, family).collect();
    let at = units.iter().position(|u| u.name == suffix)?;
    let mut in_base = value * units[at].size / base_size;
    if fractions && value.fract() != 0.0 {
        // 0.1GB is first rounded to 102MB: a fraction becomes whole in the next smaller unit.
        if let Some(smaller) = units.get(at + 1) {
            let whole = (value * units[at].size / smaller.size).round_ties_even();
            in_base = whole * smaller.size / base_size;
        }
    }
    Some(in_base)
}

fn expected(major: Major, unit: &str, what: &str, text: &str) -> String {
    match base_unit(unit) {
        Some((_, family)) => {
            let names: Vec<&str> = allowed_units(major, family).map(|u| u.name).collect();
            let names: Vec<&str> = names.into_iter().rev().collect();
            format!(
                "expected {what} with one of the units {}, found {text:?}",
                names.join(", ")
            )
        }
        None => format!("expected {what} without a unit, found {text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::parameters::lookup;

    fn read(version: &str, name: &str, text: &str) -> Option<Value> {
        let major: Major = version.parse().unwrap();
        let parameter = lookup(major, name).unwrap();
        parse(major, &parameter.kind, text).ok()
    }

    #[test]
    fn units_round_as_each_version_does() {
        for (name, text, old, new) in [
            ("shared_buffers", "1GB", Some(131_072), Some(131_072)),
            ("shared_buffers", "1024MB", Some(131_072), Some(131_072)),
            ("shared_buffers", "1048575kB", Some(131_071), Some(131_072)),
            ("shared_buffers", "1036kB", Some(129), Some(130)),
            ("work_mem", "0.1GB", None, Some(104_448)),
            ("work_mem", "1.2345GB", None, Some(1_294_336)),
            ("work_mem", "100000B", Some(97), Some(98)),
            ("wal_sender_timeout", "500us", None, Some(0)),
            ("wal_sender_timeout", "1500us", None, Some(2)),
            ("wal_sender_timeout", "60.5", None, Some(60)),
            ("wal_sender_timeout", "61.5", None, Some(62)),
            ("wal_receiver_status_interval", "1500ms", Some(1), Some(2)),
            ("wal_receiver_status_interval", "2500ms", Some(2), Some(2)),
            ("log_rotation_age", "90s", Some(1), Some(2)),
            ("checkpoint_timeout", "30500ms", Some(30), Some(30)),
            ("checkpoint_timeout", "0.5h", None, Some(1800)),
            ("port", "5433.4", None, Some(5433)),
            ("max_connections", "0200", Some(128), Some(128)),
            ("max_connections", "0x64", Some(100), Some(100)),
            ("work_mem", "1mb", None, None),
            ("work_mem", "1KB", None, None),
            ("max_connections", "100MB", None, None),
            ("max_connections", "many", None, None),
        ] {
            assert_eq!(
                read("11", name, text),
                old.map(Value::Int),
                "11 {name} {text}"
            );
            assert_eq!(
                read("15", name, text),
                new.map(Value::Int),
                "15 {name} {text}"
            );
        }
        assert_eq!(read("10", "work_mem", "100000B"), None);
    }

    #[test]
    fn words_are_read_as_the_server_reads_them() {
        for (name, text, expected) in [
            ("fsync", "TRU", Some(Value::Bool(true))),
            ("fsync", "of", Some(Value::Bool(false))),
            ("fsync", "o", None),
            ("fsync", "on ", None),
            (
                "wal_level",
                "Hot_Standby",
                Some(Value::Text("replica".into())),
            ),
            ("wal_level", "none", None),
            ("archive_mode", "yes", Some(Value::Text("on".into()))),
        ] {
            assert_eq!(read("15", name, text), expected, "{name} {text}");
        }
    }

    #[test]
    fn the_same_value_is_the_same_however_written() {
        let major: Major = "16".parse().unwrap();
        let same = |name: &str, one: &str, other: &str| {
            super::same(major, name, &lookup(major, name).unwrap().kind, one, other)
        };
        assert!(same("shared_buffers", "1GB", "131072"));
        assert!(same("listen_addresses", "a, b", "a,b"));
        assert!(same("autovacuum_vacuum_scale_factor", "0.20", "0.2"));
        assert!(same("log_file_mode", "0640", "416"));
        assert!(!same("archive_command", "a", "A"));
        assert!(!same("work_mem", "4MB", "8MB"));
    }
}
