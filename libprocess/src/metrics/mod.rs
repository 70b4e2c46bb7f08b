//! What a runtime counts, and how it is shown: flat JSON under Mesos' names on `/metrics/snapshot`,
//! Prometheus' text on `/metrics`.
//!
//! 1. [`Metrics`]: counters, gauges, timers, and figures provided when somebody looks;
//! 2. `window`: what a timer keeps of its samples;
//! 3. `snapshot`, `prometheus`: the two spellings;
//! 4. [`system`]: the machine's load, processors and memory.
//!
//! No snapshot ever waits for a process: everything shown is an atomic or a published value.

mod prometheus;
mod recorder;
mod snapshot;
pub mod system;
mod window;

pub use ::metrics::{Counter, Gauge, Histogram};
pub use recorder::{Metrics, Provider, Sink};

use std::sync::Arc;

use ::http::{StatusCode, header};
use futures_util::FutureExt;

use crate::http::{Handler, READ_ONLY, Response, Route};
use crate::inspect::at_once;
use crate::inspect::pace::Pace;

/// `/metrics` and `/metrics/snapshot`. The latter at a pace; who is refused is counted in `refused`.
pub(crate) fn routes(metrics: &Metrics, pace: Pace, refused: Counter) -> Vec<(Route, Handler)> {
    let (all, scraped) = (metrics.clone(), metrics.clone());
    let pace = Arc::new(pace);
    let snapshot: Handler = Arc::new(move |request| {
        let (all, pace, refused) = (all.clone(), pace.clone(), refused.clone());
        async move {
            if let Err(text) = snapshot::check_timeout(request.query.get("timeout")) {
                return Response::bad_request(text);
            }
            if pace.turn().await.is_err() {
                refused.increment(1);
                return Response::text(StatusCode::SERVICE_UNAVAILABLE, "Asked for too often.\n");
            }
            Response::json(snapshot::render(&all.snapshot()))
        }
        .boxed_local()
    });
    vec![
        (
            Route::any("/snapshot")
                .help("All metrics as flat JSON.")
                .parameter(
                    "timeout",
                    "How long may be waited for figures, as in `5secs`; none here takes time.",
                )
                .realm(READ_ONLY),
            snapshot,
        ),
        (
            Route::any("/").help("All metrics as Prometheus reads them.").realm(READ_ONLY),
            at_once(move |_| {
                let content_type = "text/plain; version=0.0.4; charset=utf-8";
                Response::ok().header(header::CONTENT_TYPE, content_type).body(prometheus::render(&scraped))
            }),
        ),
    ]
}
