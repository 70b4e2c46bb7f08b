//! What the HTTP half of a node counts, and how it says that somebody was refused.

use ::metrics::Counter;

use crate::metrics::Metrics;

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
        }
    }
}
