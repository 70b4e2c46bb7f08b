//! A server on loopback with a few handlers.

use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use libprocess::http::{Handler, Limits, Request, Response, Route, Router, Server, StreamSender, stream};
use libprocess::metrics::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

/// The sending ends of the streams the server has opened.
pub(super) type Streams = Rc<RefCell<Vec<StreamSender>>>;

pub(super) fn handler<F: Future<Output = Response> + 'static>(
    answer: impl Fn(Request) -> F + Send + Sync + 'static,
) -> Handler {
    Arc::new(move |request| Box::pin(answer(request)))
}

/// Runs `test` beside a server with a few handlers.
pub(super) fn serve<F: Future<Output = ()>>(
    limits: Limits,
    test: impl FnOnce(SocketAddr, Arc<Server>, Streams) -> F,
) {
    serve_counting(limits, Metrics::new(), test);
}

/// The same with its counts seen.
pub(super) fn serve_counting<F: Future<Output = ()>>(
    limits: Limits,
    metrics: Metrics,
    test: impl FnOnce(SocketAddr, Arc<Server>, Streams) -> F,
) {
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&reactor, async {
        let streams = Streams::default();
        let (opened, mut news) = tokio::sync::mpsc::unbounded_channel();
        let router = Router::new(metrics);
        let mount = |route, handler: Handler| router.mount("master", vec![(route, handler)]);
        mount(Route::any("/version"), handler(|_| async { Response::json("{\"version\":\"1.11.0\"}") }));
        let echo = handler(|mut request: Request| async move {
            match request.bytes(1 << 20).await {
                Ok(bytes) => Response::ok().body(bytes),
                Err(error) => error.into(),
            }
        });
        mount(Route::post("/echo"), echo.clone());
        mount(Route::post("/stream-in").streams(), echo);
        mount(Route::any("/ignore"), handler(|_| async { Response::accepted() }));
        mount(
            Route::any("/stream"),
            handler(move |_| {
                let (sender, body) = stream(16, 1 << 20);
                sender.send("first").unwrap();
                let _ = opened.send(sender);
                async {
                    Response::ok().header("mesos-stream-id", "s1").header("content-type", "a/b").body(body)
                }
            }),
        );
        router.delegate("master");
        let server = Arc::new(Server::new(router, limits, Arc::new(|| SystemTime::UNIX_EPOCH)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = server.clone();
        tokio::task::spawn_local(async move {
            while let Ok((socket, peer)) = listener.accept().await {
                tokio::task::spawn_local(accepting.clone().serve(socket, Some(peer)));
            }
        });
        let keep = streams.clone();
        tokio::task::spawn_local(async move {
            while let Some(sender) = news.recv().await {
                keep.borrow_mut().push(sender);
            }
        });
        test(address, server, streams).await;
    });
}

/// Writes `text`, and reads until the server closes.
pub(super) async fn tell(address: SocketAddr, text: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer).await;
    answer
}

/// Reads until `text` has arrived.
pub(super) async fn read_until(socket: &mut TcpStream, text: &str) -> String {
    let mut got = Vec::new();
    loop {
        let so_far = String::from_utf8_lossy(&got).into_owned();
        if so_far.contains(text) {
            return so_far;
        }
        assert_ne!(socket.read_buf(&mut got).await.unwrap(), 0, "closed after {so_far:?}");
    }
}
