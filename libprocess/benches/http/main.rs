//! The HTTP server over loopback, by our own client: requests a second, and CPU time of both ends.
//!
//! | figure | the original, on the same kind of machine |
//! |---|---|
//! | a small answer (`/version`), 16 connections | 17,000/s |
//! | a small call (202), one connection | 3,200–4,600/s |
//! | events of one stream | ≥ 32,000/s |
//!
//! Beside ours, in the same run and under the same client: actix-http's own dispatcher with nothing
//! above it. Ours routes, counts, and spells heads as Mesos' clients know them.
//!
//! Run with `cargo bench -p libprocess --bench http`.

mod bare;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use libprocess::http::{
    Bytes, Client, Handler, Limits, Request, Response, Route, Router, Server, StreamError, stream,
};
use libprocess::metrics::Metrics;
use nix::sys::resource::{UsageWho, getrusage};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

const VERSION: &str =
    "{\"build_date\":\"2024-08-23 18:59:00 UTC\",\"build_time\":1724439540.0,\"version\":\"1.11.0\"}";
static EVENT: [u8; 512] = [b'x'; 512];
const EVENTS: usize = 200_000;

fn main() {
    let (known, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || on_a_reactor(serve(known)));
    let ours = address.recv().expect("the server has an address");
    let (known, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || on_a_reactor(bare::serve(known)));
    let bare = address.recv().expect("the server has an address");
    on_a_reactor(async move {
        let version = |address| move || Request::get(&format!("http://{address}/version"));
        let call = |address| {
            move || Request::post(&format!("http://{address}/call")).body(Bytes::from_static(&EVENT[..200]))
        };
        compare("small answers, 16 connections", 16, 20_000, version(ours), version(bare)).await;
        compare("small answers, 1 connection", 1, 5_000, version(ours), version(bare)).await;
        compare("small calls, 1 connection", 1, 5_000, call(ours), call(bare)).await;
        events(&format!("http://{ours}/events")).await;
    });
}

/// Medians of interleaved rounds, behind one of each to warm up.
async fn compare(
    what: &str,
    connections: usize,
    requests: usize,
    ours: impl Fn() -> Request + Clone + 'static,
    bare: impl Fn() -> Request + Clone + 'static,
) {
    let mut rounds = [Vec::new(), Vec::new()];
    for round in 0..6 {
        let measured = [
            measure(connections, requests, ours.clone()).await,
            measure(connections, requests, bare.clone()).await,
        ];
        if round > 0 {
            rounds.iter_mut().zip(measured).for_each(|(rounds, one)| rounds.push(one));
        }
    }
    let [ours, bare] = rounds.map(median);
    for (who, (rate, each)) in [("ours", ours), ("actix-http", bare)] {
        println!("{what:32} {who:10} {rate:>9.0}/s   {each:>6.2} µs CPU each, both ends");
    }
    println!("{:32} {:10} {:>9.2}     {:>6.2}", "", "ratio", ours.0 / bare.0, ours.1 / bare.1);
}

/// Of rates and of costs, each by itself.
fn median(rounds: Vec<(f64, f64)>) -> (f64, f64) {
    let (mut rates, mut costs): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
    rates.sort_by(f64::total_cmp);
    costs.sort_by(f64::total_cmp);
    (rates[rates.len() / 2], costs[costs.len() / 2])
}

async fn serve(known: std::sync::mpsc::Sender<std::net::SocketAddr>) {
    let router = Router::new(Metrics::new());
    let version: Handler = Arc::new(|_| Box::pin(async { Response::json(VERSION) }));
    let call: Handler = Arc::new(|mut request: Request| {
        Box::pin(async move {
            match request.bytes(1 << 20).await {
                Ok(_) => Response::accepted(),
                Err(error) => error.into(),
            }
        })
    });
    let events: Handler = Arc::new(|_| {
        Box::pin(async {
            let (sender, body) = stream(1024, 1 << 20);
            spawn_local(async move {
                let mut left = EVENTS;
                while left > 0 && sender.ready().await.is_ok() {
                    match sender.send(Bytes::from_static(&EVENT)) {
                        Ok(()) => left -= 1,
                        Err(StreamError::Full) => {}
                        Err(StreamError::Closed) => return,
                    }
                }
            });
            Response::ok().body(body)
        })
    });
    let routes = vec![
        (Route::any("/version"), version),
        (Route::post("/call"), call),
        (Route::any("/events"), events),
    ];
    router.mount("bench", routes);
    router.delegate("bench");
    let server = Arc::new(Server::new(router, Limits::default(), Arc::new(|| SystemTime::UNIX_EPOCH)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    known.send(listener.local_addr().expect("an address")).expect("somebody waits");
    while let Ok((socket, peer)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        spawn_local(server.clone().serve(socket, Some(peer)));
    }
}

/// Requests a second, and the CPU time of one. Unit: microseconds.
async fn measure(
    connections: usize,
    requests: usize,
    make: impl Fn() -> Request + Clone + 'static,
) -> (f64, f64) {
    let (begun, cpu_before) = begin();
    let client = Client::new();
    let each = (0..connections).map(|_| {
        let (client, make) = (client.clone(), make.clone());
        spawn_local(async move {
            for _ in 0..requests / connections {
                let mut response = client.send(make()).await.expect("an answer");
                response.bytes(1 << 20).await.expect("a body");
            }
        })
    });
    for task in each.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    spent(requests, begun, cpu_before)
}

async fn events(url: &str) {
    let (begun, cpu_before) = begin();
    let mut response = Client::new().send(Request::get(url)).await.expect("an answer");
    let mut bytes = 0;
    while let Some(piece) = response.body.next().await {
        bytes += piece.expect("a piece").len();
    }
    assert_eq!(bytes, EVENTS * EVENT.len());
    let (rate, each) = spent(EVENTS, begun, cpu_before);
    println!(
        "{:32} {:10} {rate:>9.0}/s   {each:>6.2} µs CPU each, both ends",
        "events of one stream, 512 B", "ours"
    );
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn begin() -> (Instant, Duration) {
    (Instant::now(), cpu())
}

fn spent(count: usize, begun: Instant, cpu_before: Duration) -> (f64, f64) {
    let (wall, spent) = (begun.elapsed().as_secs_f64(), (cpu() - cpu_before).as_secs_f64());
    (count as f64 / wall, spent * 1e6 / count as f64)
}

fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("this process has a usage");
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()) as u64)
    };
    of(usage.user_time()) + of(usage.system_time())
}

fn on_a_reactor(work: impl Future<Output = ()>) {
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a reactor");
    LocalSet::new().block_on(&reactor, work);
}
