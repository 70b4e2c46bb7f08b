//! The HTTP server over loopback, by our own client: requests a second, and CPU time of both ends.
//!
//! | figure | the original, on the same kind of machine |
//! |---|---|
//! | a small answer (`/version`), 16 connections | 17,000/s |
//! | a small call (202), one connection | 3,200–4,600/s |
//! | events of one stream | ≥ 32,000/s |
//!
//! Run with `cargo bench -p libprocess --bench http`.

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
    let address = address.recv().expect("the server has an address");
    on_a_reactor(async move {
        let version = move || Request::get(&format!("http://{address}/version"));
        let call =
            move || Request::post(&format!("http://{address}/call")).body(Bytes::from_static(&EVENT[..200]));
        measure("small answers, 16 connections", 16, 40_000, version).await;
        measure("small answers, 1 connection", 1, 10_000, version).await;
        measure("small calls, 1 connection", 1, 10_000, call).await;
        events(&format!("http://{address}/events")).await;
    });
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

async fn measure(
    what: &str,
    connections: usize,
    requests: usize,
    make: impl Fn() -> Request + Clone + 'static,
) {
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
    report(what, requests, begun, cpu_before);
}

async fn events(url: &str) {
    let (begun, cpu_before) = begin();
    let mut response = Client::new().send(Request::get(url)).await.expect("an answer");
    let mut bytes = 0;
    while let Some(piece) = response.body.next().await {
        bytes += piece.expect("a piece").len();
    }
    assert_eq!(bytes, EVENTS * EVENT.len());
    report("events of one stream, 512 B", EVENTS, begun, cpu_before);
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn begin() -> (Instant, Duration) {
    (Instant::now(), cpu())
}

fn report(what: &str, count: usize, begun: Instant, cpu_before: Duration) {
    let (wall, spent) = (begun.elapsed().as_secs_f64(), (cpu() - cpu_before).as_secs_f64());
    let each = spent * 1e6 / count as f64;
    println!("{what:32} {:>9.0}/s   {each:>6.2} µs CPU each, both ends", count as f64 / wall);
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
