//! Lines of a .pgpass file (manual, 34.16).

/// Escapes one field: `\` and `:` are preceded by a backslash.
///
/// Line breaks and NUL bytes, which the file cannot hold, are an error that does not repeat the value.
pub fn field(value: &str) -> Result<String, String> {
    if value.contains(['\n', '\r', '\0']) {
        return Err("a line break or a NUL byte cannot stand in .pgpass".into());
    }
    Ok(value.replace('\\', "\\\\").replace(':', "\\:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_and_backslashes_are_escaped_and_nothing_else() {
        assert_eq!(field(r"a'b\c d:e").unwrap(), r"a'b\\c d\:e");
        assert_eq!(field("tab\tx%\"é").unwrap(), "tab\tx%\"é");
        assert!(field("a\nb").is_err());
    }
}
