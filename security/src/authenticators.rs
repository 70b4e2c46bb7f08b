//! From the names an operator gives to what decides who asks.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use libprocess::Secret;
use libprocess::environment::Clock;
use libprocess::http::{AnyOf, Authenticator, Basic, Bearer, Certificate, Request, Verdict};

use crate::credentials::Credentials;

/// What there is to prove oneself by.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    /// Names and passwords.
    pub credentials: Option<Credentials>,
    /// The key that tokens are signed with.
    pub token_key: Option<Secret>,
}

/// The ways into a realm, any of which will do.
#[derive(Clone, Debug)]
pub struct Ways {
    ways: Vec<Way>,
    /// Whether somebody may come in who proves claims and no name, as executors do.
    nameless: bool,
}

#[derive(Clone, Debug)]
enum Way {
    Basic(Credentials),
    Token(Secret),
    Certificate,
}

/// Why there are no such ways.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaysError {
    #[error("'{0}' is no authenticator; there are basic, jwt and certificate")]
    Unknown(String),
    #[error("'basic' needs credentials; name their file with --{0}")]
    NoCredentials(&'static str),
    #[error("'jwt' needs the key that tokens are signed with, and none is given")]
    NoKey,
    #[error("names no authenticator; there are basic, jwt and certificate")]
    None,
}

impl Ways {
    /// Those named, with commas between. `file` is the flag that would bring credentials.
    ///
    /// Errors: an unknown name, or one that lacks what it needs.
    pub fn named(names: &str, proofs: &Proofs, file: &'static str) -> Result<Ways, WaysError> {
        let one = |name: &str| match name {
            "basic" => proofs.credentials.clone().map(Way::Basic).ok_or(WaysError::NoCredentials(file)),
            "jwt" => proofs.token_key.clone().map(Way::Token).ok_or(WaysError::NoKey),
            "certificate" => Ok(Way::Certificate),
            other => Err(WaysError::Unknown(other.to_owned())),
        };
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let ways: Vec<Way> = names.map(one).collect::<Result<_, _>>()?;
        match ways.is_empty() {
            true => Err(WaysError::None),
            false => Ok(Ways { ways, nameless: false }),
        }
    }

    /// Lets those in who prove claims and no name.
    pub fn with_nameless(self) -> Ways {
        Ways { nameless: true, ..self }
    }

    /// What decides who asks in a realm of this name. `clock` is the runtime's, for tokens that expire.
    pub fn authenticator(&self, realm: &str, clock: &Arc<dyn Clock>) -> Arc<dyn Authenticator> {
        let one = |way: &Way| -> Arc<dyn Authenticator> {
            match way {
                Way::Basic(credentials) => Arc::new(Basic::new(realm, credentials.pairs())),
                Way::Token(key) => Arc::new(Bearer::jwt(realm, key, clock.clone())),
                Way::Certificate => Arc::new(Certificate),
            }
        };
        let any = Arc::new(AnyOf::new(self.ways.iter().map(one)));
        if self.nameless { any } else { Arc::new(Named(any)) }
    }
}

/// Forbids those who prove no name. Source: Mesos endpoints, "principal with claims but without a value".
struct Named(Arc<dyn Authenticator>);

impl Authenticator for Named {
    fn authenticate(&self, request: &Request) -> LocalBoxFuture<'static, Verdict> {
        let verdict = self.0.authenticate(request);
        verdict
            .map(|verdict| match verdict {
                Verdict::Known(principal) if principal.value.is_none() => Verdict::Forbidden,
                verdict => verdict,
            })
            .boxed_local()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use libprocess::environment::Sleep;
    use libprocess::http::Jwt;

    use super::*;
    use crate::Credential;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
        fn sleep(&self, _: Duration) -> Sleep {
            Box::pin(std::future::pending())
        }
    }

    fn proofs() -> Proofs {
        let ann = Credential { principal: "ann".to_owned(), secret: "s".to_owned() };
        Proofs { credentials: Some([ann].into_iter().collect()), token_key: Some(Secret::new(*b"key")) }
    }

    fn named(names: &str, proofs: &Proofs) -> Result<Ways, WaysError> {
        Ways::named(names, proofs, "credentials")
    }

    fn verdict(ways: &Ways, authorization: &str) -> Verdict {
        let clock: Arc<dyn Clock> = Arc::new(Still);
        let request = Request::get("/").header("authorization", authorization);
        ways.authenticator("fields", &clock)
            .authenticate(&request)
            .now_or_never()
            .expect("it decides at once")
    }

    #[test]
    fn a_list_of_names_becomes_ways_to_prove_oneself() {
        let both = named("basic, jwt", &proofs()).unwrap();
        // Base64 of `ann:s`.
        let ann = verdict(&both, "Basic YW5uOnM=");
        assert!(matches!(ann, Verdict::Known(who) if who.value.as_deref() == Some("ann")));
        let claims = BTreeMap::from([("cid".to_owned(), "c".to_owned())]);
        let token = format!("Bearer {}", Jwt::new(&Secret::new(*b"key")).issue(&claims, None));
        assert_eq!(verdict(&both, &token), Verdict::Forbidden, "it proves no name");
        let both = both.with_nameless();
        assert!(matches!(verdict(&both, &token), Verdict::Known(who) if who.claims["cid"] == "c"));
        let Verdict::Unknown { challenges } = verdict(&both, "Basic eve") else { panic!("known") };
        assert_eq!(challenges, ["Basic realm=\"fields\"", "Bearer realm=\"fields\""]);
    }

    #[test]
    fn a_name_that_cannot_be_had_is_refused() {
        let refused = |names: &str, proofs: &Proofs| named(names, proofs).expect_err(names).to_string();
        assert_eq!(
            refused("kerberos", &proofs()),
            "'kerberos' is no authenticator; there are basic, jwt and certificate"
        );
        let none = Proofs::default();
        assert_eq!(refused("basic", &none), "'basic' needs credentials; name their file with --credentials");
        assert!(refused("jwt", &none).starts_with("'jwt' needs the key"));
        assert!(refused(",", &none).starts_with("names no authenticator"));
    }
}
