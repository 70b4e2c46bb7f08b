//! The ways to prove oneself: a password, a token, a certificate, or any of several.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use ::http::header;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};

use super::auth::{Authenticator, Principal, Verdict};
use super::request::Request;

/// A name and a password with every request. Source: RFC 7617.
pub struct Basic {
    realm: String,
    /// Shape: principal → secret.
    credentials: BTreeMap<String, String>,
}

/// A token with every request, which somebody else can verify. Source: RFC 6750.
pub struct Bearer {
    realm: String,
    verify: Box<Verify>,
}

type Verify = dyn Fn(&str) -> LocalBoxFuture<'static, Result<Principal, String>> + Send + Sync;

/// The certificate the connection was made with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Certificate;

/// Any of several, the first that knows the asker.
pub struct AnyOf(Vec<Arc<dyn Authenticator>>);

impl Basic {
    /// Principals and their secrets, for a realm named so to whoever has to type them.
    pub fn new(realm: &str, credentials: impl IntoIterator<Item = (String, String)>) -> Basic {
        Basic { realm: quotable(realm), credentials: credentials.into_iter().collect() }
    }

    fn check(&self, request: &Request) -> Option<Principal> {
        let (name, secret) = given(request, "basic").and_then(name_and_secret)?;
        // As long for a name nobody has as for a wrong secret.
        let known = self.credentials.get(&name);
        let matches = is_same(secret.as_bytes(), known.map_or(b"", |known| known.as_bytes()));
        (matches && known.is_some()).then(|| Principal::named(name))
    }
}

impl Authenticator for Basic {
    fn authenticate(&self, request: &Request) -> LocalBoxFuture<'static, Verdict> {
        let verdict = match self.check(request) {
            Some(principal) => Verdict::Known(principal),
            None => Verdict::Unknown { challenges: vec![format!("Basic realm=\"{}\"", self.realm)] },
        };
        ready(verdict).boxed_local()
    }
}

impl Bearer {
    /// `verify` tells whose a token is, or in a few words why it is nobody's.
    pub fn new(
        realm: &str,
        verify: impl Fn(&str) -> LocalBoxFuture<'static, Result<Principal, String>> + Send + Sync + 'static,
    ) -> Bearer {
        Bearer { realm: quotable(realm), verify: Box::new(verify) }
    }
}

impl Authenticator for Bearer {
    fn authenticate(&self, request: &Request) -> LocalBoxFuture<'static, Verdict> {
        let challenge = format!("Bearer realm=\"{}\"", self.realm);
        let Some(token) = given(request, "bearer") else {
            return ready(Verdict::Unknown { challenges: vec![challenge] }).boxed_local();
        };
        (self.verify)(token)
            .map(move |verified| match verified {
                Ok(principal) => Verdict::Known(principal),
                Err(why) => {
                    let why = quotable(&why);
                    let why = format!("{challenge}, error=\"invalid_token\", error_description=\"{why}\"");
                    Verdict::Unknown { challenges: vec![why] }
                }
            })
            .boxed_local()
    }
}

impl Authenticator for Certificate {
    fn authenticate(&self, request: &Request) -> LocalBoxFuture<'static, Verdict> {
        ready(request.certified.clone().map_or(Verdict::Forbidden, Verdict::Known)).boxed_local()
    }
}

impl AnyOf {
    /// Tries them in this order.
    pub fn new(several: impl IntoIterator<Item = Arc<dyn Authenticator>>) -> AnyOf {
        AnyOf(several.into_iter().collect())
    }
}

impl Authenticator for AnyOf {
    /// Nobody knows the asker: it hears every challenge there is.
    fn authenticate(&self, request: &Request) -> LocalBoxFuture<'static, Verdict> {
        let verdicts: Vec<_> = self.0.iter().map(|one| one.authenticate(request)).collect();
        async {
            let mut all = Vec::new();
            for verdict in verdicts {
                match verdict.await {
                    Verdict::Known(principal) => return Verdict::Known(principal),
                    Verdict::Unknown { challenges } => all.extend(challenges),
                    Verdict::Forbidden => {}
                }
            }
            if all.is_empty() { Verdict::Forbidden } else { Verdict::Unknown { challenges: all } }
        }
        .boxed_local()
    }
}

/// What `Authorization` says under this scheme, in lower case.
fn given<'a>(request: &'a Request, scheme: &str) -> Option<&'a str> {
    let (named, rest) = request.text_of(header::AUTHORIZATION)?.trim().split_once(' ')?;
    named.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

fn name_and_secret(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (name, secret) = text.split_once(':')?;
    Some((name.to_owned(), secret.to_owned()))
}

/// Looks at every byte, so that the time it takes tells nothing of where two secrets part.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut differs = u8::from(one.len() != other.len());
    for (at, byte) in one.iter().enumerate() {
        differs |= black_box(byte ^ other.get(at).copied().unwrap_or(!byte));
    }
    differs == 0
}

/// What may stand between quotes in a header.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| (' '..='~').contains(c) && !matches!(c, '"' | '\\')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic() -> Basic {
        Basic::new("fields", [("ann".to_owned(), "s:ecret".to_owned())])
    }

    fn bearer() -> Bearer {
        Bearer::new("fields", |token| {
            let verified = match token {
                "good" => Ok(Principal { value: None, claims: [("fid".into(), "f1".into())].into() }),
                other => Err(format!("\"{other}\" is no token\r\n")),
            };
            ready(verified).boxed_local()
        })
    }

    fn verdict(of: &dyn Authenticator, request: &Request) -> Verdict {
        of.authenticate(request).now_or_never().expect("these decide at once")
    }

    fn with(authorization: &str) -> Request {
        Request::get("/").header("authorization", authorization)
    }

    fn said(scheme: &str, pair: &str) -> Request {
        with(&format!("{scheme} {}", STANDARD.encode(pair)))
    }

    #[test]
    fn a_name_with_its_secret_is_known() {
        let ann = Verdict::Known(Principal::named("ann"));
        assert_eq!(verdict(&basic(), &said("Basic", "ann:s:ecret")), ann);
        assert_eq!(verdict(&basic(), &said("bAsIc", "ann:s:ecret")), ann);
    }

    #[test]
    fn anything_else_is_challenged() {
        let challenged = Verdict::Unknown { challenges: vec!["Basic realm=\"fields\"".to_owned()] };
        for pair in ["ann:s:ecre", "ann:s:ecret1", "ann:", "bob:s:ecret", "bob:", ":", "ann"] {
            assert_eq!(verdict(&basic(), &said("Basic", pair)), challenged, "{pair}");
        }
        for header in ["Basic", "Basic !!!", "Basic /w==", "Bearer good", ""] {
            assert_eq!(verdict(&basic(), &with(header)), challenged, "{header}");
        }
        assert_eq!(verdict(&basic(), &Request::get("/")), challenged);
    }

    #[test]
    fn a_token_is_whose_its_verifier_says() {
        let Verdict::Known(principal) = verdict(&bearer(), &with("Bearer good")) else { panic!("unknown") };
        assert_eq!(principal.claims["fid"], "f1");
        assert_eq!(
            verdict(&bearer(), &with("Bearer bad")),
            Verdict::Unknown {
                challenges: vec![
                    "Bearer realm=\"fields\", error=\"invalid_token\", error_description=\"bad is no token\""
                        .to_owned()
                ]
            }
        );
        let challenges = vec!["Bearer realm=\"fields\"".to_owned()];
        assert_eq!(verdict(&bearer(), &Request::get("/")), Verdict::Unknown { challenges });
    }

    #[test]
    fn a_certificate_speaks_for_its_connection() {
        let mut request = Request::get("/");
        assert_eq!(verdict(&Certificate, &request), Verdict::Forbidden);
        request.certified = Some(Principal::named("agent"));
        assert_eq!(verdict(&Certificate, &request), Verdict::Known(Principal::named("agent")));
    }

    #[test]
    fn of_several_the_first_that_knows_decides() {
        let all =
            || AnyOf::new([Arc::new(Certificate) as _, Arc::new(basic()) as _, Arc::new(bearer()) as _]);
        let known = |request| matches!(verdict(&all(), &request), Verdict::Known(_));
        assert!(known(said("Basic", "ann:s:ecret")) && known(with("Bearer good")));
        let Verdict::Unknown { challenges } = verdict(&all(), &Request::get("/")) else { panic!("known") };
        assert_eq!(challenges, ["Basic realm=\"fields\"", "Bearer realm=\"fields\""]);
        assert_eq!(verdict(&AnyOf::new([]), &Request::get("/")), Verdict::Forbidden);
    }
}
