//! Colour, sizes and durations.

/// Colours text, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences are written.
    pub color: bool,
    /// How many characters a line has room for; `None` where nobody's terminal shows it.
    pub width: Option<usize>,
}

impl Style {
    /// Returns the style of what is no terminal's.
    pub fn plain() -> Self {
        Style {
            color: false,
            width: None,
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Something new, or good.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Something that goes, or failed.
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Something that changes, or wants attention.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Headings.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Secondary text.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// Writes how many there are of something: "1 host", "2 hosts". The noun is one word or more, and ends regularly.
pub fn count(number: usize, noun: &str) -> String {
    let (stem, end) = match (number, noun.strip_suffix('y')) {
        (1, _) => (noun, ""),
        (_, Some(stem)) => (stem, "ies"),
        (_, None) => (noun, "s"),
    };
    format!("{number} {stem}{end}")
}

/// Writes a number of bytes for people: `41.2 GB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{count} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// Writes a duration for people: `2m27s`.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_agrees_with_its_noun() {
        let told = [0, 1, 2].map(|number| count(number, "host"));
        assert_eq!(told, ["0 hosts", "1 host", "2 hosts"]);
        let told = [1, 3].map(|number| count(number, "data directory"));
        assert_eq!(told, ["1 data directory", "3 data directories"]);
    }
}
