//! Who speaks on a link, how that is proved, and what it may do.
//!
//! | link | proves itself by |
//! |---|---|
//! | TLS | its certificate: the first URI among its alternative names, else the first DNS name |
//! | plain, with a [`Credential`] | an HMAC over a nonce of each end, keyed with the secret |
//! | plain, without | nothing: its messages bear no principal |
//!
//! What a frame says of its sender is a name within the node the link leads to, and no more.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::Tls;

/// Somebody, proved by a link: the name in its certificate, or of its credential.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(Arc<str>);

impl Principal {
    pub fn new(name: impl Into<Arc<str>>) -> Principal {
        Principal(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({})", self.0)
    }
}

/// What a principal proves itself with; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Secret {
        Secret(bytes.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// As whom a node introduces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub principal: Principal,
    pub secret: Secret,
}

/// How a node proves itself, and whom it lets in.
#[derive(Clone, Debug)]
pub struct Security {
    /// Links and HTTP over TLS.
    pub tls: Option<Tls>,
    /// Proves this node on plain links it dials; the other end must then prove that it knows the
    /// secret as well.
    pub credential: Option<Credential>,
    /// Whose proofs are believed on plain links that others dial.
    pub secrets: BTreeMap<Principal, Secret>,
    /// Whether a node that has proved a secret of `secrets` is dialled by that one, in place of `credential`: for who lets
    /// many in, none of whom knows the others' or its own.
    pub by_their_secret: bool,
    /// Whether plain links are let in that prove nothing.
    pub anonymous: bool,
    /// Whether a node must live at the address its connection comes from.
    pub require_peer_address: bool,
    /// Which messages are let through; all, if nothing is said.
    pub acl: Option<Acl>,
}

impl Default for Security {
    fn default() -> Security {
        Security {
            tls: None,
            credential: None,
            secrets: BTreeMap::new(),
            by_their_secret: false,
            anonymous: true,
            require_peer_address: false,
            acl: None,
        }
    }
}

/// Decides whether a principal may send messages of a name to a process of an id, or, by the name of
/// [`Acl::LINK`], hear of its end. Asked once per link for each pair of them, and for each such wish, on the thread that reads the link: it must not wait.
#[derive(Clone)]
pub struct Acl(Arc<Decide>);

type Decide = dyn Fn(Option<&Principal>, &str, &str) -> bool + Send + Sync;

impl Acl {
    /// Shape: `|principal, id of the receiver, name of the message| may`.
    pub fn new(decide: impl Fn(Option<&Principal>, &str, &str) -> bool + Send + Sync + 'static) -> Acl {
        Acl(Arc::new(decide))
    }

    /// What is asked for instead of a message's name when a process of another node wants to hear of
    /// the end of one of ours.
    pub const LINK: &str = "libprocess.link";

    pub(crate) fn allows(&self, principal: Option<&Principal>, target: &str, name: &str) -> bool {
        (self.0)(principal, target, name)
    }
}

impl fmt::Debug for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acl(..)")
    }
}
