//! Password verifiers as PostgreSQL stores them (manual, 51.8 pg_authid; RFC 5802).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;

/// The iterations PostgreSQL uses unless told otherwise (`scram_iterations`).
pub const ITERATIONS: u32 = 4096;

/// Which kind of verifier a password is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifierKind {
    /// SCRAM-SHA-256.
    Scram,
    /// md5 of password and role name.
    Md5,
}

/// Computes a SCRAM-SHA-256 verifier.
pub fn scram(password: &str, salt: &[u8], iterations: u32) -> String {
    // libpq falls back on the raw bytes when SASLprep does not accept the password.
    let prepared = stringprep::saslprep(password)
        .map(|text| text.into_owned())
        .unwrap_or_else(|_| password.to_owned());
    let mut salted = [0u8; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(prepared.as_bytes(), salt, iterations, &mut salted);
    let client_key = keyed(&salted, b"Client Key");
    let stored_key = Sha256::digest(client_key);
    let server_key = keyed(&salted, b"Server Key");
    format!(
        "SCRAM-SHA-256${iterations}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored_key),
        STANDARD.encode(server_key)
    )
}

fn keyed(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// Computes an md5 verifier, for servers that know nothing else.
pub fn md5(password: &str, user: &str) -> String {
    let digest = Md5::digest(format!("{password}{user}"));
    digest.iter().fold("md5".to_owned(), |mut hex, byte| {
        hex.push_str(&format!("{byte:02x}"));
        hex
    })
}

/// Returns how a stored verifier holds this password, or `None` if it holds another one.
pub fn matches(stored: &str, password: &str, user: &str) -> Option<VerifierKind> {
    if let Some(rest) = stored.strip_prefix("SCRAM-SHA-256$") {
        let (iterations, rest) = rest.split_once(':')?;
        let (salt, _) = rest.split_once('$')?;
        let salt = STANDARD.decode(salt).ok()?;
        // A hostile or broken row must not keep us busy for hours.
        let iterations = iterations.parse().ok().filter(|n| *n <= 10_000_000)?;
        (scram(password, &salt, iterations) == stored).then_some(VerifierKind::Scram)
    } else {
        (md5(password, user) == stored).then_some(VerifierKind::Md5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$wqHsI/33dK5CAxKK/pP16YG1Gz3hoh/flYC/6DjU+SY=:MXL35tyLpyA89Ioaedh3wPGo/T498fa/dnifNDp/mFU=";

    #[test]
    fn verifiers_are_those_a_server_makes() {
        let salt: Vec<u8> = (0..16).collect();
        assert_eq!(scram("motdepasse", &salt, ITERATIONS), PLAIN);
        assert_eq!(
            scram(r"a'b\c d:e", b"0123456789abcdef", ITERATIONS),
            "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$TwoC8KzCP1fNoozoj8wuDmwZJFPCPMdXpvQ3QdIQdh0=:a2agrCsIOPzfG5x2BDvtjVTtfGkmdPcTGFOk1hgOG30="
        );
        assert_eq!(
            md5("motdepasse", "replicator"),
            "md521fb46f52ff17c76e530e198ed64125b"
        );
    }

    #[test]
    fn a_password_is_recognised_in_what_is_stored() {
        assert_eq!(matches(PLAIN, "motdepasse", "r"), Some(VerifierKind::Scram));
        assert_eq!(matches(PLAIN, "another", "r"), None);
        let old = "md521fb46f52ff17c76e530e198ed64125b";
        assert_eq!(
            matches(old, "motdepasse", "replicator"),
            Some(VerifierKind::Md5)
        );
        assert_eq!(matches(old, "motdepasse", "renamed"), None);
        assert_eq!(matches("", "motdepasse", "r"), None);
    }
}
