//! What every node shows of itself over HTTP, whatever lives on it.
//!
//! | path | shows |
//! |---|---|
//! | `/metrics`, `/metrics/snapshot` | what it counts, for Prometheus and as flat JSON |
//! | `/system/stats.json` | the machine |
//! | `/__processes__`, `/__links__` | who lives here and at what they are; the nodes it speaks to |
//! | `/__clock__` | the time, of a simulated node |
//! | `/logging/toggle` | how much it logs, and more for a while |
//! | `/profiler/start`, `/profiler/stop` | what its shards spent their time at meanwhile, where that is allowed |
//! | `/help` | all paths; by the router itself |
//! | `/health`, `/version` | where the delegate says nothing of it |
//!
//! None of it waits for a process.

pub(crate) mod duration;
mod links;
pub(crate) mod logging;
pub(crate) mod pace;
mod processes;
mod profiler;

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use futures_util::FutureExt;
use serde_json::json;

use crate::http::{Handler, READ_ONLY, READ_WRITE, Request, Response, Route, StatusCode};
use crate::metrics;
use crate::runtime::{Runtime, Weak};
pub use logging::{Logging, NotInstalled, Verbosity};
use pace::Pace;
pub use pace::Rate;
use profiler::Profiler;

type Routes = Vec<(Route, Handler)>;

/// Mounts all of it on a runtime's router. With `profiler`, it may be looked at what the shards do.
pub(crate) fn mount(runtime: &Runtime, rate: Option<Rate>, profiler: bool) {
    let router = runtime.router();
    let pace = Pace::new(runtime.environment().clock.clone(), rate);
    router.mount("metrics", metrics::routes(runtime.metrics(), pace, router.counts().too_often.clone()));
    router.mount("system", metrics::system::routes());
    router.mount("__processes__", processes(runtime));
    router.mount("__links__", links(runtime));
    router.mount("logging", logging_routes(runtime));
    router.mount("profiler", profiler_routes(runtime, profiler));
    if !runtime.is_real() {
        router.mount("__clock__", clock(runtime));
    }
    router.fall_back(about());
}

fn processes(runtime: &Runtime) -> Routes {
    let list = Route::any("/")
        .help("Who lives here, at what they are, and what waits for them.")
        .parameter("id", "Only the process of this id.")
        .parameter("limit", "How many at most, 10000 if not said.")
        .realm(READ_ONLY);
    let runtime = runtime.downgrade();
    let handler: Handler = Arc::new(move |request| match runtime.upgrade() {
        Some(runtime) => processes::list(runtime, request).boxed_local(),
        None => std::future::ready(gone()).boxed_local(),
    });
    vec![(list, handler)]
}

fn links(runtime: &Runtime) -> Routes {
    let list = Route::any("/")
        .help("The nodes this one speaks to: how the way is, what waits, which life of theirs, how far they are.")
        .realm(READ_ONLY);
    vec![(list, with(runtime, |runtime, _| links::list(&runtime)))]
}

fn logging_routes(runtime: &Runtime) -> Routes {
    let toggle = Route::any("/toggle")
        .help("How much is logged; with both parameters, more of it for a while.")
        .parameter("level", "0 is what the program was started with, 1 adds `debug`, 2 adds `trace`.")
        .parameter("duration", "How long, as in `10mins`; then it is 0 again.")
        .realm(READ_WRITE);
    vec![(toggle, with(runtime, |runtime, request| logging::answer(&runtime, &request)))]
}

fn profiler_routes(runtime: &Runtime, enabled: bool) -> Routes {
    let profiler = Arc::new(Profiler::new(enabled));
    let stopping = profiler.clone();
    let start = Route::any("/start")
        .help("Begins to look at what each shard does; where LIBPROCESS_ENABLE_PROFILER=1 is set.")
        .parameter("frequency", "How often a second, 100 if not said and at most 1000.")
        .realm(READ_WRITE);
    let stop = Route::any("/stop")
        .help("Ends it, and tells what was seen how often: shard, kind of process and message in each line.")
        .realm(READ_WRITE);
    vec![
        (start, with(runtime, move |runtime, request| profiler.start(&runtime, &request))),
        (stop, with(runtime, move |runtime, _| stopping.stop(&runtime))),
    ]
}

/// Of a simulated node: its own wall time, and how long it has run.
fn clock(runtime: &Runtime) -> Routes {
    let show = |runtime: Runtime, _| {
        let now = runtime.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let body = json!({ "now_secs": now.as_secs_f64(), "elapsed_secs": runtime.elapsed().as_secs_f64() });
        Response::json(body.to_string())
    };
    vec![(Route::any("/").help("The simulated time."), with(runtime, show))]
}

/// What a node without a delegate says of itself.
fn about() -> Routes {
    let version = json!({ "version": env!("CARGO_PKG_VERSION") }).to_string();
    vec![
        (Route::any("/health").help("200 while this node answers."), at_once(|_| Response::ok())),
        (Route::any("/version").help("What runs here."), at_once(move |_| Response::json(version.clone()))),
    ]
}

/// A handler that needs nothing but the request.
pub(crate) fn at_once(answer: impl Fn(Request) -> Response + Send + Sync + 'static) -> Handler {
    Arc::new(move |request| std::future::ready(answer(request)).boxed_local())
}

/// A handler that is given the runtime, without keeping it alive.
fn with(runtime: &Runtime, answer: impl Fn(Runtime, Request) -> Response + Send + Sync + 'static) -> Handler {
    let runtime: Weak = runtime.downgrade();
    at_once(move |request| match runtime.upgrade() {
        Some(runtime) => answer(runtime, request),
        None => gone(),
    })
}

fn gone() -> Response {
    Response::text(StatusCode::SERVICE_UNAVAILABLE, "503 Service Unavailable.")
}
