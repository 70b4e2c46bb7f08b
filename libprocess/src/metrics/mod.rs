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
pub use recorder::{Metrics, Sink};

use std::sync::Arc;

use ::http::header;
use futures_util::FutureExt;

use crate::http::{Handler, Request, Response, Route};

/// `/metrics` and `/metrics/snapshot`.
pub(crate) fn routes(metrics: &Metrics) -> Vec<(Route, Handler)> {
    let (all, scraped) = (metrics.clone(), metrics.clone());
    vec![
        (
            Route::any("/snapshot").help("All metrics as flat JSON. `timeout=<duration>` is accepted."),
            handler(move |request| match snapshot::check_timeout(request.query.get("timeout")) {
                Ok(()) => Response::json(snapshot::render(&all.snapshot())),
                Err(text) => Response::bad_request(text),
            }),
        ),
        (
            Route::any("/").help("All metrics as Prometheus reads them."),
            handler(move |_| {
                let content_type = "text/plain; version=0.0.4; charset=utf-8";
                Response::ok().header(header::CONTENT_TYPE, content_type).body(prometheus::render(&scraped))
            }),
        ),
    ]
}

fn handler(answer: impl Fn(Request) -> Response + Send + Sync + 'static) -> Handler {
    Arc::new(move |request| std::future::ready(answer(request)).boxed_local())
}
