//! How an old driver proves that it knows a secret, without saying it.
//!
//! ```text
//!  driver                     master
//!    │ ◄──── CRAM-MD5? ────────  │
//!    │ ───── CRAM-MD5 ────────►  │
//!    │ ◄──── <nonce@host> ─────  │
//!    │ ─ name HMAC-MD5(secret, ─►│ the same, worked out from what is known of that name
//!    │        <nonce@host>)      │
//! ```
//!
//! MD5 is what those drivers speak. Broken as a digest, it still holds here, where the secret is the key; over a plain
//! connection nothing that follows is protected, whatever the digest.
//!
//! Source: RFC 2195.

use hmac::{Hmac, Mac};
use md5::Md5;

use crate::Credentials;

/// What this way is called.
pub const CRAM_MD5: &str = "CRAM-MD5";

/// What is to be answered, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// A challenge of `host`. The nonce must never have been used before, and not be guessed.
    pub fn new(nonce: &str, host: &str) -> Challenge {
        Challenge(format!("<{nonce}@{host}>"))
    }

    /// As it is sent.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Who gave this answer, if it is somebody who is known, and right.
    pub fn answered(&self, known: &Credentials, answer: &[u8]) -> Option<String> {
        let (principal, digest) = std::str::from_utf8(answer).ok()?.rsplit_once(' ')?;
        let mut hmac = Hmac::<Md5>::new_from_slice(known.secret(principal)?.as_bytes()).ok()?;
        hmac.update(self.0.as_bytes());
        hmac.verify_slice(&bytes(digest)?).ok()?;
        Some(principal.to_owned())
    }
}

/// The bytes that pairs of hexadecimal digits stand for.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credential;

    /// The example of RFC 2195.
    fn example() -> (Challenge, Credentials) {
        let known = Credential { principal: "tim".to_owned(), secret: "tanstaaftanstaaf".to_owned() };
        (Challenge::new("1896.697170952", "postoffice.reston.mci.net"), [known].into_iter().collect())
    }

    const RIGHT: &str = "tim b913a602c7eda7a495b4e6e7334d3890";

    #[test]
    fn the_example_of_the_standard_is_right() {
        let (challenge, known) = example();
        assert_eq!(challenge.text(), "<1896.697170952@postoffice.reston.mci.net>");
        assert_eq!(challenge.answered(&known, RIGHT.as_bytes()), Some("tim".to_owned()));
    }

    #[test]
    fn any_other_answer_is_not() {
        let (challenge, known) = example();
        let others = [
            "",
            "tim",
            "tim ",
            "tom b913a602c7eda7a495b4e6e7334d3890",
            "tim b913a602c7eda7a495b4e6e7334d3891",
            "tim b913a602c7eda7a495b4e6e7334d38",
            "tim b913a602c7eda7a495b4e6e7334d3890ff",
            "tim ü",
        ];
        for other in others {
            assert_eq!(challenge.answered(&known, other.as_bytes()), None, "{other}");
        }
        assert_eq!(challenge.answered(&known, &[0xff, b' ', b'a']), None);
        let another = Challenge::new("1", "postoffice.reston.mci.net");
        assert_eq!(another.answered(&known, RIGHT.as_bytes()), None, "it was asked something else");
    }
}
