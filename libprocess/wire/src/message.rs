//! What may travel, and under which name.

use crate::codec::{self, DecodeError};

/// Anything that can stand inside a message: give it `#[wire::part]`.
///
/// Numbers, `String`, `Option`, `Vec`, `Box`, `Arc`, `BTreeMap`, `BTreeSet`, `Duration`, socket
/// addresses, tuples and arrays are parts already.
pub trait Part: codec::Encode + codec::Decode<()> {}

impl<T: codec::Encode + codec::Decode<()>> Part for T {}

/// A message that is told: one type, one name, one version.
///
/// The name is what travels; an enum's position or a type's path is no contract.
pub trait Message: Part + Send + 'static {
    /// Shape: `part.verb`, as in `agent.register`.
    const NAME: &'static str;
    /// Grows by one whenever the fields change.
    const VERSION: u32;
    /// A digest of the fields as they are written, so that a test sees when they change.
    const FINGERPRINT: u64;
    /// The version before this one, if it is still spoken: `was = Older`.
    const OLDER: Option<Older<Self>> = None;
}

/// A message that was read, or not; `None` if its version is not understood.
pub type Understood<M> = Option<Result<M, DecodeError>>;

/// How a message is said to those who know only its earlier version, and how that is read.
pub struct Older<M> {
    /// The earlier version.
    pub version: u32,
    /// Says the message in the earlier version.
    pub encode: fn(&M, &mut Vec<u8>),
    /// Reads a version earlier than `M`'s: that one or one still older.
    pub decode: fn(u32, &[u8]) -> Understood<M>,
    /// Whether it, or one still older, is this version.
    pub knows: fn(u32) -> bool,
}

/// Whether bytes of this version can be read as an `M`.
pub fn understands<M: Message>(version: u32) -> bool {
    version == M::VERSION || M::OLDER.is_some_and(|older| (older.knows)(version))
}

/// Reads a message that was said in any version `M` understands.
pub fn decode_version<M: Message>(version: u32, bytes: &[u8]) -> Understood<M> {
    if version == M::VERSION {
        return Some(codec::decode(bytes));
    }
    (M::OLDER?.decode)(version, bytes)
}

/// A message that is asked: it names what comes back.
pub trait Question: Message {
    /// What the asked process answers.
    type Reply: Part + Send + 'static;

    /// The answer's bytes, for who asked in `version`.
    fn encode_reply(reply: Self::Reply, version: u32) -> Vec<u8> {
        debug_assert_eq!(version, Self::VERSION);
        codec::encode(&reply)
    }

    /// Reads what was answered to the question in `version`.
    ///
    /// Errors: when the bytes are no such answer.
    fn decode_reply(bytes: &[u8], version: u32) -> Result<Self::Reply, DecodeError> {
        debug_assert_eq!(version, Self::VERSION);
        codec::decode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate as wire;

    #[wire::message(name = "test.sown", version = 1)]
    struct SownV1 {
        hectares: u32,
    }

    #[wire::message(name = "test.sown", version = 2, was = SownV1)]
    struct SownV2 {
        ares: u64,
    }

    #[wire::message(name = "test.sown", version = 3, was = SownV2)]
    #[derive(Debug, PartialEq)]
    struct Sown {
        ares: u64,
        crop: Option<String>,
    }

    impl From<SownV1> for SownV2 {
        fn from(old: SownV1) -> SownV2 {
            SownV2 { ares: u64::from(old.hectares) * 100 }
        }
    }
    impl From<&SownV2> for SownV1 {
        fn from(new: &SownV2) -> SownV1 {
            SownV1 { hectares: (new.ares / 100) as u32 }
        }
    }
    impl From<SownV2> for Sown {
        fn from(old: SownV2) -> Sown {
            Sown { ares: old.ares, crop: None }
        }
    }
    impl From<&Sown> for SownV2 {
        fn from(new: &Sown) -> SownV2 {
            SownV2 { ares: new.ares }
        }
    }

    #[test]
    fn an_older_version_is_read_as_the_newest_however_old() {
        let ares = |read: Option<Result<Sown, DecodeError>>| read.unwrap().unwrap();
        let first = codec::encode(&SownV1 { hectares: 3 });
        let second = codec::encode(&SownV2 { ares: 250 });
        assert_eq!(ares(decode_version(1, &first)), Sown { ares: 300, crop: None });
        assert_eq!(ares(decode_version(2, &second)), Sown { ares: 250, crop: None });
        assert!(decode_version::<Sown>(4, &first).is_none());
        assert!(decode_version::<Sown>(1, &[1]).unwrap().is_err());
        assert_eq!([1, 2, 3, 4].map(understands::<Sown>), [true, true, true, false]);
    }

    #[test]
    fn the_newest_is_said_in_the_version_before() {
        let mut bytes = Vec::new();
        let older = Sown::OLDER.unwrap();
        (older.encode)(&Sown { ares: 250, crop: Some("rye".into()) }, &mut bytes);
        assert_eq!((older.version, bytes), (2, codec::encode(&SownV2 { ares: 250 })));
    }

    #[wire::question(name = "test.yield", version = 1, reply = u32)]
    struct YieldV1 {
        field: String,
    }

    #[wire::part]
    #[derive(Debug, PartialEq)]
    struct Tons(f64);

    #[wire::question(name = "test.yield", version = 2, reply = Tons, was = YieldV1)]
    struct Yield {
        field: String,
        year: u32,
    }

    impl From<YieldV1> for Yield {
        fn from(old: YieldV1) -> Yield {
            Yield { field: old.field, year: 0 }
        }
    }
    impl From<&Yield> for YieldV1 {
        fn from(new: &Yield) -> YieldV1 {
            YieldV1 { field: new.field.clone() }
        }
    }
    impl From<u32> for Tons {
        fn from(tons: u32) -> Tons {
            Tons(tons.into())
        }
    }
    impl From<Tons> for u32 {
        fn from(tons: Tons) -> u32 {
            tons.0 as u32
        }
    }

    #[test]
    fn an_answer_is_said_as_it_was_asked() {
        assert_eq!(Yield::encode_reply(Tons(7.5), 1), codec::encode(&7u32));
        assert_eq!(Yield::encode_reply(Tons(7.5), 2), codec::encode(&7.5f64));
        assert_eq!(Yield::decode_reply(&codec::encode(&7u32), 1).unwrap(), Tons(7.0));
        assert_eq!(Yield::decode_reply(&codec::encode(&7.5f64), 2).unwrap(), Tons(7.5));
    }

    #[test]
    fn a_changed_field_changes_the_fingerprint() {
        let all = [SownV1::FINGERPRINT, SownV2::FINGERPRINT, Sown::FINGERPRINT, YieldV1::FINGERPRINT];
        let distinct: std::collections::BTreeSet<u64> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
