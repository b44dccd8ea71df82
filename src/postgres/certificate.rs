//! What a certificate says of itself (RFC 5280), as far as it is compared: nobody's signature is checked here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A certificate, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The whole name of who signed it, as bytes in hexadecimal.
    pub issuer: String,
    /// The last common name in that, for people.
    pub by: String,
    /// Whether it names itself as who signed it.
    pub own: bool,
    /// From when on it is valid: year to second, in digits, in UTC.
    pub from: String,
    /// Until when.
    pub until: String,
}

/// Reads one from its lines between BEGIN and END, put together; `None` if it is not what it should be.
pub fn read(text: &str) -> Option<Certificate> {
    let bytes = STANDARD.decode(text).ok()?;
    let (_, whole, _) = element(&bytes)?;
    let (_, mut rest, _) = element(whole)?;
    // The version is the only part that may be left out.
    if rest.first() == Some(&0xA0) {
        rest = element(rest)?.2;
    }
    // Its number, and how it was signed.
    rest = element(rest)?.2;
    rest = element(rest)?.2;
    let (_, issuer, rest) = element(rest)?;
    let (_, validity, rest) = element(rest)?;
    let (_, subject, _) = element(rest)?;
    let until = element(validity)?.2;
    Some(Certificate {
        issuer: issuer.iter().map(|byte| format!("{byte:02x}")).collect(),
        by: common_name(issuer).unwrap_or_default(),
        own: issuer == subject,
        from: time(validity)?,
        until: time(until)?,
    })
}

/// Returns the first element's tag and content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if *first >= 0x80 {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7F))?;
        if digits.len() > 3 {
            return None;
        }
        length = digits
            .iter()
            .fold(0, |length, digit| length << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

/// Returns the time that stands first: a UTCTime, whose years are those from 1950 to 2049, or a GeneralizedTime.
fn time(bytes: &[u8]) -> Option<String> {
    let (tag, content, _) = element(bytes)?;
    let digits = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let century = match (tag, digits.get(..2)?) {
        (0x17, year) if year >= "50" => "19",
        (0x17, _) => "20",
        _ => "",
    };
    let time = format!("{century}{digits}");
    (time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit())).then_some(time)
}

/// Returns the last common name (2.5.4.3) of a distinguished name.
fn common_name(mut name: &[u8]) -> Option<String> {
    let mut found = None;
    while let Some((_, set, rest)) = element(name) {
        name = rest;
        let (_, pair, _) = element(set)?;
        let (_, oid, value) = element(pair)?;
        if oid == [0x55, 0x04, 0x03] {
            found = Some(String::from_utf8_lossy(element(value)?.1).into_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signs itself, with a time after 2049.
    const AUTHORITY: &str = "MIIBmTCCAT+gAwIBAgIUFJuPMlphvQh4oUSR3KP+9z0uiLgwCgYIKoZIzj0EAwIwITENMAsGA1UECgwEU2hvcDEQMA4GA1UEAwwH\
        U2hvcCBDQTAgFw0yNjExMjcwOTI1MDNaGA8yMDU5MTAwNTA5MjUwM1owITENMAsGA1UECgwEU2hvcDEQMA4GA1UEAwwHU2hvcCBD\
        QTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAAj2tmnYXa+mPYz7H15JRyo2RMRDe9RYUQ0g7MiyeK3/HJnk6rZPV3FjdpkUF1k\
        uW7zb/NTdK4aHqttE4Qvs+SjUzBRMB0GA1UdDgQWBBTfIvTrhLymlqkWhGSMEbqL7JohEzAfBgNVHSMEGDAWgBTfIvTrhLymlqkW\
        hGSMEbqL7JohEzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCNa8rZH0kXecM7SiUQ1OGcyFuw7H/e5pjCDV1m\
        /en0BgIgetKV085QiewUD9kLGKH48rQfIIJILLp0Rn8reHCywFw=";
    /// Signed by that one.
    const SERVER: &str = "MIIBGzCBwQIBBzAKBggqhkjOPQQDAjAhMQ0wCwYDVQQKDARTaG9wMRAwDgYDVQQDDAdTaG9wIENBMB4XDTI2MTEyNzA5MjUwM1oX\
        DTI3MTEyNzA5MjUwM1owEjEQMA4GA1UEAwwHc2VydmVyMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDYnG3uAmLl66AtiImkq\
        yOFsiwQhDjjI9X9STYGnsYCFBUoDRqtdvuY0wMuSytfFmyCHokDFQunPl1BE4svRmGMwCgYIKoZIzj0EAwIDSQAwRgIhAJXMh5T8\
        14/1W1QzeFtI5Jh+4tKfrZDYWqYZH1rot7gRAiEAydYEpweERj6twHCzK6F+BdRsMLCRyB3+swG9yDCn8h4=";

    #[test]
    fn a_certificate_tells_who_signed_it_and_until_when_it_is_valid() {
        let (authority, server) = (read(AUTHORITY).unwrap(), read(SERVER).unwrap());
        assert_eq!(
            (authority.by.as_str(), server.by.as_str()),
            ("Shop CA", "Shop CA")
        );
        assert_eq!((authority.own, server.own), (true, false));
        assert_eq!(authority.issuer, server.issuer);
        assert_eq!(authority.from, "20261127092503");
        assert_eq!(authority.until, "20591005092503");
        assert_eq!(server.until, "20271127092503");
    }

    #[test]
    fn what_is_none_is_none() {
        for text in ["", "=", "AAAA", "MIIB", "%%"] {
            assert_eq!(read(text), None, "{text}");
        }
        let bytes = STANDARD.decode(SERVER).unwrap();
        for end in 0..bytes.len() {
            // What is after the subject is not looked at, but is counted in.
            assert_eq!(read(&STANDARD.encode(&bytes[..end])), None, "{end}");
        }
    }
}
