//! Positions in the WAL, timelines and system identifiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A position in the WAL, in bytes; written as two hexadecimal halves, `2/9F41C3A8`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Returns how many bytes lie between an earlier position and this one; 0 if it is not earlier.
    pub fn bytes_after(self, earlier: Lsn) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Says whether this is the name of a WAL segment: its timeline and its place, 24 digits (manual, 28.6).
pub fn is_segment(name: &str) -> bool {
    name.len() == 24 && name.bytes().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F'))
}

/// Names the WAL segments from the one with a position to the one with another, on one timeline (manual, 28.6).
pub fn segments(timeline: Timeline, from: Lsn, to: Lsn, segment_size: u64) -> Vec<String> {
    let size = segment_size.max(1);
    let per_file = (1_u64 << 32) / size;
    (from.0 / size..=to.0 / size)
        .map(|number| {
            format!(
                "{:08X}{:08X}{:08X}",
                timeline.0,
                number / per_file.max(1),
                number % per_file.max(1)
            )
        })
        .collect()
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF))
    }
}

impl FromStr for Lsn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("expected a WAL position such as 2/9F41C3A8, found {text:?}");
        let (high, low) = text.split_once('/').ok_or_else(wrong)?;
        let digits = |half: &str| {
            (1..=8).contains(&half.len()) && half.bytes().all(|c| c.is_ascii_hexdigit())
        };
        if !digits(high) || !digits(low) {
            return Err(wrong());
        }
        let high = u64::from_str_radix(high, 16).map_err(|_| wrong())?;
        let low = u64::from_str_radix(low, 16).map_err(|_| wrong())?;
        Ok(Lsn(high << 32 | low))
    }
}

impl Serialize for Lsn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lsn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A timeline: the history a server writes, one number higher after each promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(pub u32);

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number initdb gives a cluster; every copy of it has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SystemId(pub u64);

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// As text: the number does not fit the doubles that JSON readers use.
impl Serialize for SystemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SystemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map(SystemId)
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_numbers_and_not_text() {
        let low: Lsn = "0/FFFFFFFF".parse().unwrap();
        let high: Lsn = "1/0".parse().unwrap();
        assert!(high > low);
        assert_eq!(high.bytes_after(low), 1);
        assert_eq!(low.bytes_after(high), 0);
        assert_eq!(
            "2/9f41c3a8".parse::<Lsn>().unwrap().to_string(),
            "2/9F41C3A8"
        );
    }

    #[test]
    fn segments_are_named_as_postgresql_names_them() {
        let at = |text: &str| text.parse::<Lsn>().unwrap();
        assert_eq!(
            segments(Timeline(1), at("0/FE000000"), at("1/0"), 16 << 20),
            [
                "0000000100000000000000FE",
                "0000000100000000000000FF",
                "000000010000000100000000"
            ]
        );
        assert_eq!(
            segments(Timeline(18), at("2/40000001"), at("2/40000001"), 1 << 30),
            ["000000120000000200000001"]
        );
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in [
            "",
            "0",
            "/",
            "0/",
            "/0",
            "0/123456789",
            "x/1",
            "1/2/3",
            "+1/2",
            "1/-2",
            " 1/2",
            "1/2\n",
        ] {
            assert!(text.parse::<Lsn>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_system_identifier_survives_json() {
        let id = SystemId(7_412_345_678_901_234_567);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<SystemId>(&json).unwrap(), id);
    }
}
