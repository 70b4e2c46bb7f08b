//! What is turned away: counted by reason, and said aloud now and then.

use std::fmt;
use std::time::Duration;

use metrics::Counter;

use crate::metrics::Metrics;
use crate::voice::Voice;

/// Why a connection or a message was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// More links than are allowed.
    TooManyLinks,
    /// Said nothing for too long, or made room for those who speak.
    Silent,
    /// In plain text, where only TLS is spoken.
    Plain,
    /// In TLS, where it is not spoken.
    Tls,
    /// A TLS handshake that failed: a certificate expired, foreign or absent, or no TLS at all.
    Handshake,
    /// No greeting of ours, or not in time.
    Greeting,
    /// A proof that is none, or of nobody who is known.
    Proof,
    /// Says that its node is elsewhere than the connection comes from.
    PeerAddress,
    /// A frame that is none; its link is closed.
    Frame,
    /// For a process that does not live here.
    NoSuchProcess,
    /// Of a name its receiver has no door for.
    Name,
    /// Of a version its receiver does not read.
    Version,
    /// With a body that is not what its name says.
    Body,
    /// For a process that has no room.
    Full,
    /// From a principal that may not.
    Forbidden,
}

impl Refusal {
    const ALL: [Refusal; 15] = [
        Refusal::TooManyLinks,
        Refusal::Silent,
        Refusal::Plain,
        Refusal::Tls,
        Refusal::Handshake,
        Refusal::Greeting,
        Refusal::Proof,
        Refusal::PeerAddress,
        Refusal::Frame,
        Refusal::NoSuchProcess,
        Refusal::Name,
        Refusal::Version,
        Refusal::Body,
        Refusal::Full,
        Refusal::Forbidden,
    ];

    /// The last part of its metric's name.
    fn name(self) -> &'static str {
        match self {
            Refusal::TooManyLinks => "too_many_links",
            Refusal::Silent => "silent",
            Refusal::Plain => "plain",
            Refusal::Tls => "tls",
            Refusal::Handshake => "handshake",
            Refusal::Greeting => "greeting",
            Refusal::Proof => "proof",
            Refusal::PeerAddress => "peer_address",
            Refusal::Frame => "frame",
            Refusal::NoSuchProcess => "no_such_process",
            Refusal::Name => "name",
            Refusal::Version => "version",
            Refusal::Body => "body",
            Refusal::Full => "full",
            Refusal::Forbidden => "forbidden",
        }
    }

    fn is_of_a_message(self) -> bool {
        self as usize >= Refusal::NoSuchProcess as usize
    }
}

/// Counts and speaks of what is turned away.
pub(crate) struct Refusals {
    /// Messages nobody here takes, for whatever reason.
    messages: Counter,
    reasons: [(Counter, Voice); Refusal::ALL.len()],
}

impl Refusals {
    pub(super) fn new(metrics: &Metrics) -> Refusals {
        let reason = |refusal: Refusal| {
            (metrics.counter(format!("libprocess/links/refused/{}", refusal.name())), Voice::default())
        };
        Refusals {
            messages: metrics.counter("libprocess/links/messages_refused"),
            reasons: Refusal::ALL.map(reason),
        }
    }

    /// Something was turned away; `what` says what, if it is said aloud.
    pub(crate) fn count(&self, now: Duration, refusal: Refusal, what: impl FnOnce() -> String) {
        let (counter, voice) = &self.reasons[refusal as usize];
        counter.increment(1);
        if refusal.is_of_a_message() {
            self.messages.increment(1);
        }
        if let Some(unsaid) = voice.speak(now) {
            let (reason, what) = (refusal.name(), what());
            tracing::warn!(reason, what, unsaid, "turned away");
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_place() {
        for (at, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, at);
        }
    }
}
