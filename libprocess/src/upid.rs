//! Addresses that travel: `id@ip:port`, and which life of that id is meant.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;

/// Which life of a process an address means: drawn anew at each spawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// The address of a process, local or remote; cheap to clone.
///
/// Shape: `id@ip:port` in text. The epoch travels beside it: with one, the address means that one
/// life of the process and reaches nobody once it has ended; without, whoever bears the id now.
/// Two addresses are equal when id, address and epoch are; [`Upid::bare`] forgets the epoch.
#[derive(Clone)]
pub struct Upid(Arc<Parts>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    id: Arc<str>,
    address: SocketAddr,
    /// Never 0, which leaves room for none.
    epoch: Option<NonZeroU64>,
}

impl Upid {
    /// Whoever bears `id` at `address` when a message arrives there.
    pub fn new(id: impl Into<Arc<str>>, address: SocketAddr) -> Upid {
        Upid(Arc::new(Parts { id: id.into(), address, epoch: None }))
    }

    /// One life of the process `id` at `address`.
    pub fn with_epoch(id: impl Into<Arc<str>>, address: SocketAddr, epoch: Epoch) -> Upid {
        // No life is called 0; who says so means one that never was.
        let epoch = Some(NonZeroU64::new(epoch.0).unwrap_or(NonZeroU64::MAX));
        Upid(Arc::new(Parts { id: id.into(), address, epoch }))
    }

    /// The name within its node, as in `slave(1)`.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The node: where its [`Runtime`](crate::Runtime) listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// The life that is meant, if only one is.
    pub fn epoch(&self) -> Option<Epoch> {
        self.0.epoch.map(|epoch| Epoch(epoch.get()))
    }

    /// The same place, whoever lives there.
    pub fn bare(&self) -> Upid {
        Upid::new(self.0.id.clone(), self.0.address)
    }

    /// Same allocation, hence same address; a quick test before the thorough one.
    pub(crate) fn same(&self, other: &Upid) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Upid {
    fn eq(&self, other: &Upid) -> bool {
        self.same(other) || self.0 == other.0
    }
}

impl Eq for Upid {}

impl PartialOrd for Upid {
    fn partial_cmp(&self, other: &Upid) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Upid {
    fn cmp(&self, other: &Upid) -> Ordering {
        if self.same(other) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl Hash for Upid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.0.id, self.0.address)
    }
}

impl fmt::Debug for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.0.epoch.map_or(Ok(()), |epoch| write!(f, "#{epoch:x}"))
    }
}

/// Why a text is no process address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpidError {
    #[error("`{0}` has no `@` between id and address")]
    NoAt(String),
    #[error("`{0}` has an empty id")]
    EmptyId(String),
    #[error("`{0}` is not followed by `ip:port`")]
    NoAddress(String),
}

impl FromStr for Upid {
    type Err = UpidError;

    fn from_str(text: &str) -> Result<Upid, UpidError> {
        let (id, address) = text.rsplit_once('@').ok_or_else(|| UpidError::NoAt(text.to_owned()))?;
        if id.is_empty() {
            return Err(UpidError::EmptyId(text.to_owned()));
        }
        let address = address.parse().map_err(|_| UpidError::NoAddress(text.to_owned()))?;
        Ok(Upid::new(id, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_id_at_ip_and_port() {
        let upid: Upid = "slave(1)@10.0.0.1:5051".parse().unwrap();
        assert_eq!((upid.id(), upid.address().port(), upid.epoch()), ("slave(1)", 5051, None));
        assert_eq!(upid.to_string(), "slave(1)@10.0.0.1:5051");
        assert_eq!("a@b@[::1]:1".parse::<Upid>().unwrap().id(), "a@b");
    }

    #[test]
    fn text_that_is_no_address_is_refused() {
        assert_eq!("master".parse::<Upid>(), Err(UpidError::NoAt("master".into())));
        assert_eq!("@1.2.3.4:5".parse::<Upid>(), Err(UpidError::EmptyId("@1.2.3.4:5".into())));
        assert!(matches!("a@host".parse::<Upid>(), Err(UpidError::NoAddress(_))));
    }

    #[test]
    fn another_life_is_another_address() {
        let address = "127.0.0.1:1".parse().unwrap();
        let (one, two) = (Upid::with_epoch("a", address, Epoch(1)), Upid::with_epoch("a", address, Epoch(2)));
        assert_ne!(one, two);
        assert_eq!(one.bare(), two.bare());
    }
}
