//! Tokens that say whose they are: JSON Web Tokens, signed with a secret that both ends know.
//!
//! | part | must |
//! |---|---|
//! | header | name `HS256`, and nothing that has to be understood beyond that |
//! | signature | be that of header and claims, by our secret; nothing of them is believed before |
//! | `exp`, `nbf` | if there, be a time still to come, or that has come |
//!
//! What else is claimed becomes the principal's claims: texts as they are, other values as JSON spells
//! them. A token names no principal by itself. Source: RFC 7519, RFC 7515; Mesos' executor tokens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use futures_util::future::ready;
use ring::hmac;
use serde_json::{Map, Value, json};

use super::auth::Principal;
use super::authenticators::Bearer;
use crate::environment::Clock;
use crate::identity::Secret;

/// Makes tokens, and tells which were made with the same secret. Cheap to clone.
#[derive(Clone)]
pub struct Jwt {
    key: Arc<hmac::Key>,
}

/// Why a token is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    #[error("a token has three parts between dots, in the alphabet of base64url")]
    Shape,
    #[error("the {0} of the token is no JSON object")]
    Json(&'static str),
    #[error("the token is signed by '{0}', only HS256 is understood")]
    Algorithm(String),
    #[error("the token must be understood in a way that is not understood here")]
    Critical,
    #[error("the token's signature is not ours")]
    Signature,
    #[error("'{0}' of the token is no time in seconds")]
    Time(&'static str),
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    Early,
}

impl Jwt {
    /// Whoever knows `secret` makes tokens that count.
    pub fn new(secret: &Secret) -> Jwt {
        Jwt { key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret.bytes())) }
    }

    /// A token with these claims, for ever or until it expires.
    pub fn issue(&self, claims: &BTreeMap<String, String>, expires: Option<SystemTime>) -> String {
        let mut payload: Map<String, Value> =
            claims.iter().map(|(claim, value)| (claim.clone(), value.as_str().into())).collect();
        if let Some(expires) = expires {
            let since = expires.duration_since(UNIX_EPOCH).unwrap_or_default();
            payload.insert("exp".to_owned(), since.as_secs().into());
        }
        let header = json!({ "alg": "HS256", "typ": "JWT" });
        let [header, payload] =
            [header, Value::Object(payload)].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{payload}");
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// Whose a token is, at a time.
    ///
    /// Errors: when it was not made with this secret, or not for this time.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, JwtError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Shape)?;
        let (header, payload) = signed.split_once('.').ok_or(JwtError::Shape)?;
        let header = object("header", header)?;
        match header.get("alg").and_then(Value::as_str) {
            Some("HS256") => {}
            other => return Err(JwtError::Algorithm(other.unwrap_or("nothing").chars().take(16).collect())),
        }
        if header.contains_key("crit") {
            return Err(JwtError::Critical);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError::Shape)?;
        hmac::verify(&self.key, signed.as_bytes(), &signature).map_err(|_| JwtError::Signature)?;
        let claims = object("payload", payload)?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        if time(&claims, "exp")?.is_some_and(|expires| expires <= now) {
            return Err(JwtError::Expired);
        }
        if time(&claims, "nbf")?.is_some_and(|begins| begins > now) {
            return Err(JwtError::Early);
        }
        Ok(Principal { value: None, claims: claims.into_iter().map(claim).collect() })
    }
}

impl Bearer {
    /// Tokens made with this secret. `clock` is the runtime's, as in `runtime.environment().clock`.
    pub fn jwt(realm: &str, secret: &Secret, clock: Arc<dyn Clock>) -> Bearer {
        let jwt = Jwt::new(secret);
        Bearer::new(realm, move |token| {
            let verified = jwt.verify(token, clock.now()).map_err(|why| why.to_string());
            ready(verified).boxed_local()
        })
    }
}

fn object(part: &'static str, encoded: &str) -> Result<Map<String, Value>, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| JwtError::Shape)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(JwtError::Json(part)),
    }
}

/// Unit: seconds since 1970, perhaps with a fraction.
fn time(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<Duration>, JwtError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.as_f64().ok_or(JwtError::Time(claim))?;
    Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| JwtError::Time(claim))
}

fn claim((claim, value): (String, Value)) -> (String, String) {
    match value {
        Value::String(text) => (claim, text),
        other => (claim, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt() -> Jwt {
        Jwt::new(&Secret::new(*b"seed"))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// A token whose parts are as they are given, under a signature that is ours.
    fn signed(header: &str, payload: &str) -> String {
        let signed = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = hmac::sign(&jwt().key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    #[test]
    fn a_token_of_others_is_read_as_they_meant_it() {
        // Of RFC 7519, section 3.1, under the key of RFC 7515, appendix A.1.
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQo\
                     gImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let jwt = Jwt::new(&Secret::new(URL_SAFE_NO_PAD.decode(key).unwrap()));
        let principal = jwt.verify(token, at(1_300_819_379)).unwrap();
        assert_eq!((principal.value, &*principal.claims["iss"]), (None, "joe"));
        assert_eq!(principal.claims["http://example.com/is_root"], "true");
        assert_eq!(jwt.verify(token, at(1_300_819_380)), Err(JwtError::Expired));
    }

    #[test]
    fn what_was_issued_is_known_until_it_expires() {
        let claims: BTreeMap<String, String> =
            [("fid", "f1"), ("eid", "e\"1")].map(|(claim, value)| (claim.into(), value.into())).into();
        let token = jwt().issue(&claims, None);
        assert_eq!(jwt().verify(&token, at(u32::MAX.into())).unwrap().claims, claims);
        let token = jwt().issue(&claims, Some(at(100)));
        assert_eq!(jwt().verify(&token, at(99)).unwrap().claims["exp"], "100");
        assert_eq!(jwt().verify(&token, at(100)), Err(JwtError::Expired));
    }

    #[test]
    fn a_token_without_a_signature_of_ours_is_nobodys() {
        let verify = |token: &str| jwt().verify(token, at(1));
        let other = Jwt::new(&Secret::new(*b"weed")).issue(&BTreeMap::new(), None);
        assert_eq!(verify(&other), Err(JwtError::Signature));

        let none =
            [r#"{"alg":"none"}"#, r#"{"sub":"root"}"#].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        assert_eq!(verify(&format!("{none}.")), Err(JwtError::Algorithm("none".into())));
        for alg in ["none", "None", "HS384", "RS256", "hs256", ""] {
            let token = signed(&json!({ "alg": alg }).to_string(), "{}");
            assert_eq!(verify(&token), Err(JwtError::Algorithm(alg.into())), "{alg}");
        }
        assert_eq!(verify(&signed("{}", "{}")), Err(JwtError::Algorithm("nothing".into())));
        assert_eq!(verify(&signed(r#"{"alg":7}"#, "{}")), Err(JwtError::Algorithm("nothing".into())));

        let good = signed(HS256, r#"{"sub":"ann"}"#);
        assert!(verify(&good).is_ok());
        let (head, signature) = good.rsplit_once('.').unwrap();
        assert_eq!(verify(&format!("{head}.")), Err(JwtError::Signature));
        assert_eq!(verify(&format!("{head}.{}", &signature[4..])), Err(JwtError::Signature));
        let forged = URL_SAFE_NO_PAD.encode(r#"{"sub":"root"}"#);
        let (header, _) = head.split_once('.').unwrap();
        assert_eq!(verify(&format!("{header}.{forged}.{signature}")), Err(JwtError::Signature));
    }

    #[test]
    fn what_is_no_token_is_refused_with_its_reason() {
        let verify = |token: &str| jwt().verify(token, at(50));
        for token in ["", ".", "a", "a.b", "!.!.!", "e30=.e30=.e30="] {
            assert_eq!(verify(token), Err(JwtError::Shape), "{token}");
        }
        assert_eq!(verify(&signed("[]", "{}")), Err(JwtError::Json("header")));
        assert_eq!(verify(&signed(HS256, "7")), Err(JwtError::Json("payload")));
        assert_eq!(verify(&signed(HS256, "\u{1}")), Err(JwtError::Json("payload")));
        assert_eq!(verify(&signed(r#"{"alg":"HS256","crit":["b64"]}"#, "{}")), Err(JwtError::Critical));
        for exp in [r#""100""#, "-1", "1e300", "null", "[]"] {
            let token = signed(HS256, &format!(r#"{{"exp":{exp}}}"#));
            assert_eq!(verify(&token), Err(JwtError::Time("exp")), "{exp}");
        }
        assert_eq!(verify(&signed(HS256, r#"{"nbf":51}"#)), Err(JwtError::Early));
        assert!(verify(&signed(HS256, r#"{"nbf":50,"exp":50.5}"#)).is_ok());
        assert_eq!(verify(&signed(HS256, r#"{"exp":49.9}"#)), Err(JwtError::Expired));
    }
}
