//! What the HTTP half of a node counts, and what it says of those it turns away.

use std::net::SocketAddr;
use std::time::Duration;

use ::http::StatusCode;
use ::metrics::Counter;

use super::body::BodyError;
use super::response::Response;
use crate::metrics::Metrics;
use crate::voice::Voice;

/// Why a client is turned away before, or while, it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its head is no head.
    Malformed,
    /// More bytes or lines of head than are read.
    HeadTooLarge,
    /// A path and query longer than is read.
    TargetTooLong,
    /// The head did not come in time.
    HeadTooSlow,
    /// A body larger than is read.
    BodyTooLarge,
    /// The body did not come in time.
    BodyTooSlow,
    /// It does not take its answer.
    ReaderTooSlow,
    /// There are as many connections as there may be.
    TooManyConnections,
}

impl Refusal {
    const ALL: [(Refusal, &'static str); 8] = [
        (Refusal::Malformed, "head_malformed"),
        (Refusal::HeadTooLarge, "head_too_large"),
        (Refusal::TargetTooLong, "target_too_long"),
        (Refusal::HeadTooSlow, "head_too_slow"),
        (Refusal::BodyTooLarge, "body_too_large"),
        (Refusal::BodyTooSlow, "body_too_slow"),
        (Refusal::ReaderTooSlow, "reader_too_slow"),
        (Refusal::TooManyConnections, "too_many_connections"),
    ];

    /// What the client is told.
    pub(super) fn answer(self) -> Response {
        let status = match self {
            Refusal::Malformed => StatusCode::BAD_REQUEST,
            Refusal::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::TargetTooLong => StatusCode::URI_TOO_LONG,
            Refusal::HeadTooSlow | Refusal::BodyTooSlow | Refusal::ReaderTooSlow => {
                StatusCode::REQUEST_TIMEOUT
            }
            Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::TooManyConnections => StatusCode::SERVICE_UNAVAILABLE,
        };
        Response::text(status, format!("{status}."))
    }

    /// The refusal behind a body that failed; none if its sender merely left.
    pub(super) fn of(error: &BodyError) -> Option<Refusal> {
        match error {
            BodyError::TooLarge { .. } => Some(Refusal::BodyTooLarge),
            BodyError::TooSlow => Some(Refusal::BodyTooSlow),
            BodyError::Broken(_) => None,
        }
    }
}

/// Counters of one runtime's HTTP, under `libprocess/http/`.
pub(crate) struct Counts {
    pub(crate) requests: Counter,
    /// Handlers that panicked.
    pub(crate) panicked: Counter,
    /// Refused by a realm's authenticator: 401 or 403.
    pub(crate) not_authenticated: Counter,
    /// Refused by a guard: 403.
    pub(crate) not_authorized: Counter,
    /// Asked too often: 503.
    pub(crate) too_often: Counter,
    /// Readers of records that lagged too far.
    pub(super) cut_off: Counter,
    refused: [(Counter, Voice); Refusal::ALL.len()],
}

impl Counts {
    pub(super) fn new(metrics: &Metrics) -> Counts {
        let counter = |name: &str| metrics.counter(format!("libprocess/http/{name}"));
        Counts {
            requests: counter("requests"),
            panicked: counter("handlers_panicked"),
            not_authenticated: counter("requests_not_authenticated"),
            not_authorized: counter("requests_not_authorized"),
            too_often: counter("requests_too_often"),
            cut_off: counter("streams_cut_off"),
            refused: Refusal::ALL.map(|(_, name)| (counter(&format!("refused/{name}")), Voice::default())),
        }
    }

    /// Somebody was turned away. `now` counts from any moment that stays.
    pub(super) fn refuse(&self, refusal: Refusal, peer: Option<SocketAddr>, now: Duration) {
        let (counter, voice) = &self.refused[refusal as usize];
        counter.increment(1);
        if let Some(unsaid) = voice.speak(now) {
            let reason = Refusal::ALL[refusal as usize].1;
            tracing::warn!(reason, ?peer, unsaid, "turned an http client away");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_place() {
        for (at, (refusal, _)) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, at);
        }
    }
}
