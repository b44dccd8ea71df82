//! The bytes of a configuration file as text: PostgreSQL asks of a file no encoding, and what somebody wrote stays as it is.

/// A byte that is no part of UTF-8 is a character of this private range, which no file is likely to use; one that does has
/// its bytes there as well.
const FIRST: u32 = 0x10_F700;

fn escaped(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Returns the byte that a character stands for, if it stands for one.
pub fn byte_of(c: char) -> Option<u8> {
    u32::from(c)
        .checked_sub(FIRST)
        .and_then(|byte| u8::try_from(byte).ok())
}

fn text(bytes: &[u8], keep: impl Fn(char) -> bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if byte_of(c).is_none() || keep(c) {
                text.push(c);
            } else {
                let mut own = [0; 4];
                text.extend(c.encode_utf8(&mut own).bytes().map(escaped));
            }
        }
        text.extend(chunk.invalid().iter().copied().map(escaped));
    }
    text
}

/// A tab in a column of a fact, where one of its own ends the column.
pub const TAB: char = '\u{10F709}';

/// Returns a file's content as text, from which [`bytes_of`] makes the same bytes again.
pub fn text_of(bytes: &[u8]) -> String {
    text(bytes, |_| false)
}

/// Returns as text what was made of the bytes of such a text.
pub(super) fn text_of_parts(bytes: &[u8]) -> String {
    text(bytes, |_| true)
}

/// Returns the bytes of a text of [`text_of`]; those of any other text are its own.
pub fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_stays_readable() {
        assert_eq!(text_of("é = 'x'\r\n".as_bytes()), "é = 'x'\r\n");
        assert_eq!(text_of(b"B\xFCro").chars().count(), 4);
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(bytes_of(&text_of(&bytes)), bytes);
        }

        #[test]
        fn bytes_of_the_range_itself_come_back(c in 0x10_F6F0_u32..0x10_F810) {
            let bytes = char::from_u32(c).unwrap().to_string().into_bytes();
            prop_assert_eq!(bytes_of(&text_of(&bytes)), bytes);
        }
    }
}
