//! The grammar of each text in an inventory: what the reader checks, and as much of it as a schema can say.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::address::VirtualAddress;
use super::at::At;
use super::calendar;
use super::spelling::{absolute, destination, file, jump, megabytes, name, word};
use crate::postgres::Major;

/// What is wrong with a text: message, label and help, a line each; `{key}` stands for its key.
type Check = Result<(), Cow<'static, str>>;

/// Declares texts: how YAML writes them, their schema, their check.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $how:ident, $schema:expr, $check:expr;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub String);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let check: fn(&str) -> Check = $check;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<&str> for At<$name> {
            fn from(text: &str) -> Self {
                $name::from(text).into()
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl Visitor<'_> for Word {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a text")
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_unit<E: de::Error>(self) -> Result<$name, E> {
                        empty::<$name, E>(&self)
                    }
                }
                deserializer.$how(Word)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                texts!(@write $how, &self.0, serializer)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )* };
    (@write deserialize_str, $text:expr, $serializer:expr) => { $serializer.serialize_str($text) };
    (@write $how:ident, $text:expr, $serializer:expr) => { scalar($text, $serializer) };
}

/// An empty value, where the grammar takes an empty text for one.
fn empty<T: FromStr, E: de::Error>(expected: &dyn de::Expected) -> Result<T, E> {
    "".parse()
        .map_err(|_| E::invalid_type(de::Unexpected::Unit, expected))
}

/// Writes a number without quotes where that changes nothing.
fn scalar<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let same = |written: String| written == text;
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _) if same(number.to_string()) => serializer.serialize_i64(number),
        (_, Ok(number)) if number.is_finite() && same(number.to_string()) => {
            serializer.serialize_f64(number)
        }
        _ => serializer.serialize_str(text),
    }
}

fn pattern(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern })
}

fn when(good: bool, wrong: &'static str) -> Check {
    if good { Ok(()) } else { Err(wrong.into()) }
}

const ABSOLUTE: &str = "`{key}` must be an absolute path\nexpected /…";

texts! {
    /// The name of a cluster.
    ClusterName, deserialize_str, pattern("^[a-z][a-z0-9_]{0,30}$"), |text| when(
        text.len() <= 31
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| word(c) && !c.is_ascii_uppercase()),
        "bad cluster name\nexpected lower-case letters, digits and `_`, at most 31",
    );

    /// An SSH destination.
    HostName, deserialize_str, json_schema!({
        "type": "string",
        "pattern": "^([A-Za-z0-9_][A-Za-z0-9_.:@-]*@)?[A-Za-z0-9_:][A-Za-z0-9_.:-]*$",
        "maxLength": 253,
    }), |text| when(
        text.len() <= 253 && destination(text),
        "not a valid host name\nexpected a destination as in `ssh server1`",
    );

    /// An IP address or a host name.
    Address, deserialize_str, json_schema!({
        "type": "string",
        "pattern": "^[A-Za-z0-9_:][A-Za-z0-9_.:-]*$",
        "not": { "enum": ["all", "samehost", "samenet"] },
    }), |text| when(
        text.parse::<std::net::IpAddr>().is_ok()
            // Digits and dots alone are a mistyped IP address, not a name.
            || (name(text, ".-") && !text.chars().all(|c| c.is_ascii_digit() || c == '.'))
                // In pg_hba.conf these let in more than one server.
                && !["all", "samehost", "samenet"].contains(&text),
        "bad address\nexpected an IP address or a host name",
    );

    // Debian's tools take more, but a dash means something else in the name of a systemd unit (pg_createcluster(1)).
    /// The name of a server at its service manager.
    Instance, deserialize_string, json_schema!({ "type": ["string", "integer"], "minimum": 0, "pattern": "^[A-Za-z0-9_]{1,63}$" }), |text| when(
        (1..=63).contains(&text.len()) && text.chars().all(word),
        "not a valid name of an instance\nexpected letters, digits and `_`, at most 63",
    );

    /// An absolute path.
    AbsolutePath, deserialize_str, pattern("^/+[^/]"), |text| when(absolute(text), ABSOLUTE);

    /// An absolute path that can be given to pg_basebackup's `--tablespace-mapping`.
    TablespacePath, deserialize_str, pattern("^/+[^/=\\\\][^=\\\\]*$"), |text| when(
        absolute(text) && !text.contains(['=', '\\']),
        "not a valid place for a tablespace\nan absolute path without `..`, `=` and `\\` is expected",
    );

    /// A login name for ssh.
    Login, deserialize_str, pattern("^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$"), |text| when(
        name(text, ".@+-"),
        "bad `{key}`\nexpected a login name: letters, digits and `_.@+-`",
    );

    /// A private key for ssh.
    IdentityFile, deserialize_str, pattern("^[^-\\s$`'\"\\\\;&|<>(){}*?!#][^$`'\"\\\\;&|<>(){}*?!#]*$"), |text| when(
        file(text, "% ") && !text.starts_with(' '),
        "bad `{key}`\nexpected a path without `-` in front and without quotes or the shell's own characters",
    );

    // ssh hands it on unquoted when it starts the ssh of a jump.
    /// A client configuration for ssh.
    ConfigFile, deserialize_str, pattern("^[^-\\s$`'\"\\\\;&|<>(){}*?!#%][^\\s$`'\"\\\\;&|<>(){}*?!#%]*$"), |text| when(
        file(text, ""),
        "bad `{key}`\nexpected a path without `-` in front and without blanks, quotes or the shell's own characters",
    );

    /// Jump hosts as for `ssh -J`.
    Jump, deserialize_str, pattern(
        "^([A-Za-z0-9_][A-Za-z0-9_.+-]*@)?([A-Za-z0-9_][A-Za-z0-9_.-]*|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?\
         (,([A-Za-z0-9_][A-Za-z0-9_.+-]*@)?([A-Za-z0-9_][A-Za-z0-9_.-]*|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?)*$",
    ), |text| when(
        text.split(',').all(jump),
        "bad `{key}`\nexpected [user@]host[:port], several with commas",
    );

    /// The replication role.
    RoleName, deserialize_str, json_schema!({
        "type": "string",
        "pattern": "^[^\"'`\\\\\\x00-\\x1f\\x7f-\\x9f]{1,63}$",
        "not": { "pattern": "^(postgres$|pg_|/)" },
    }), |text| when(
        !text.is_empty()
            && text.len() <= 63
            && text != "postgres"
            && !text.starts_with("pg_")
            // From 16 on pg_hba.conf takes it for a regular expression, in quotes or not.
            && !text.starts_with('/')
            && !text.contains(|c: char| c.is_control() || ['"', '\'', '`', '\\'].contains(&c)),
        "this role cannot be the replication role\nexpected a name of its own without quotes, at most 63 bytes",
    );

    /// The name of an environment variable.
    EnvironmentName, deserialize_str, pattern("^[A-Za-z_][A-Za-z0-9_]*$"), |text| when(
        text.chars().all(word) && text.starts_with(|c: char| word(c) && !c.is_ascii_digit()),
        "not a valid name of an environment variable\nexpected letters, digits and `_`",
    );

    /// A user of the system that is not root.
    ServiceUser, deserialize_str, json_schema!({
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$",
        "not": { "const": "root" },
    }), |text| when(
        text != "root" && name(text, "-") && !text.starts_with(|c: char| c.is_ascii_digit()),
        "this cannot be the service user\nexpected a user of the system, not root",
    );

    /// The name of a systemd service.
    UnitName, deserialize_str, pattern("^[A-Za-z0-9_.:@][A-Za-z0-9_.:@-]*\\.service$"), |text| when(
        text.strip_suffix(".service").is_some_and(|name| !name.is_empty() && !name.starts_with('-'))
            && text.chars().all(|c| word(c) || ".-:@".contains(c)),
        "not a valid systemd unit\nexpected NAME.service",
    );

    /// A systemd calendar expression.
    CalendarExpression, deserialize_str, pattern("^[A-Za-z0-9*][A-Za-z0-9 *:/,.~_+-]*$"), |text| match text
        .chars()
        .all(|c| word(c) || " *:/,.~+-".contains(c))
    {
        true => calendar::check(text),
        false => Err("expected a systemd calendar expression, as in \"02:30\"".into()),
    }
    .map_err(|why| format!("not a valid schedule\n{why}").into());

    /// The major version of PostgreSQL.
    Version, deserialize_string, {
        let versions: Vec<String> = Major::all().map(|major| major.to_string()).collect();
        let numbers = versions.iter().filter_map(|version| serde_json::from_str(version).ok());
        let texts = versions.iter().map(|version| version.as_str().into());
        let all: Vec<serde_json::Value> = numbers.chain(texts).collect();
        json_schema!({ "enum": all })
    }, |text| text
        .parse::<Major>()
        .map(drop)
        .map_err(|why| format!("unsupported version: {why}\nnot supported").into());

    /// A minor version of PostgreSQL, as text: a number would lose its last 0.
    Minor, deserialize_str, pattern("^[0-9]+\\.[0-9]+(\\.[0-9]+)?$"), |text| when(
        (2..=3).contains(&text.split('.').count())
            && text.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit())),
        "not a minor version\nexpected its number as text, as in \"16.15\"",
    );

    /// The name of a locale of the operating system.
    Locale, deserialize_str, pattern("^[A-Za-z][A-Za-z0-9_.@-]*$"), |text| when(
        text.starts_with(|c: char| c.is_ascii_alphabetic()) && name(text, ".@-"),
        "not a valid name of a locale\nexpected one of `locale -a`, as in de_DE.UTF-8",
    );

    /// The name of a locale of ICU.
    IcuLocale, deserialize_str, pattern("^[A-Za-z@][A-Za-z0-9_@=;-]*$"), |text| when(
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '@')
            && text.chars().all(|c| word(c) || "@=;-".contains(c)),
        "not a valid name of a locale of ICU\nexpected a language tag, as in de-DE",
    );

    /// A character set.
    Encoding, deserialize_str, pattern("^[A-Za-z][A-Za-z0-9_-]*$"), |text| when(
        text.starts_with(|c: char| c.is_ascii_alphabetic()) && name(text, "-"),
        "not a valid encoding\nexpected one of PostgreSQL's, as in UTF8",
    );

    /// The size of a WAL segment.
    SegmentSize, deserialize_str, pattern("^(1|2|4|8|16|32|64|128|256|512|1024)MB$|^1GB$"), |text| when(
        megabytes(text).is_some(),
        "not a valid size of a WAL segment\nexpected a power of two from 1MB to 1GB",
    );

    // As guc-file.l reads it: ID, or ID.ID.
    /// The name of a parameter, with its extension in front if it has one.
    ParameterName, deserialize_str, pattern("^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)?$"), |text| when(
        text.split('.').count() <= 2
            && text.split('.').all(|part| name(part, "") && !part.starts_with(|c: char| c.is_ascii_digit())),
        "not a valid name of a parameter\nexpected letters, digits and `_`, as in work_mem",
    );

    /// The value of a parameter; an empty one is an empty text: `archive_command:` means ''.
    ParameterValue, deserialize_any, json_schema!({ "type": ["string", "number", "boolean", "null"] }), |_| Ok(());

    /// A length of time with its unit.
    Delay, deserialize_string, json_schema!({ "type": ["string", "number"], "minLength": 1 }), |text| when(
        !text.is_empty(),
        "`{key}` must be a text\nexpected a time, as in 1h",
    );

    // Before a line's end a backslash joins two lines: the next rule would be swallowed.
    /// A line of pg_hba.conf.
    HbaLine, deserialize_str, json_schema!({ "type": "string", "not": { "pattern": "\\\\\\s*$" } }), |text| when(
        !text.trim_end().ends_with('\\'),
        "bad pg_hba.conf line\nends in `\\`, which would take the next line with it",
    );

    /// A path, or a command of the shell.
    Text, deserialize_str, json_schema!({ "type": "string", "minLength": 1 }), |text| when(
        !text.trim().is_empty(),
        "`{key}` must not be empty\nexpected a text",
    );

    /// A name in the [databases] section of a PgBouncer.
    PoolDatabase, deserialize_str, pattern("^[^\"]{1,63}$"), |text| when(
        (1..=63).contains(&text.chars().count()) && !text.contains('"'),
        "not a valid name of a database\nexpected at most 63 characters, no quotes",
    );

    /// An IP address with the length of its network's prefix.
    PrefixedAddress, deserialize_str, pattern("^[0-9A-Fa-f:.]+/[0-9]{1,3}$"), |text| when(
        VirtualAddress::read(text, "").is_some(),
        "bad `{key}`\nexpected an address of one host with its prefix, as in 10.0.0.10/24",
    );

    /// The name of a network interface.
    InterfaceName, deserialize_str, json_schema!({
        "type": "string",
        "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$",
        "not": { "const": "lo" },
    }), |text| when(
        text.len() <= 15 && name(text, ".-") && text != "lo",
        "bad `{key}`\nexpected the name of a network interface, as in `ip link`: letters, digits and `_.-`, at most 15",
    );

    /// A list of addresses to listen on; may be empty.
    ListenAddresses, deserialize_str, json_schema!({ "type": "string" }), |_| Ok(());
}
