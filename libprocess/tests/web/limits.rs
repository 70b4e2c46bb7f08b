//! What is too large, too slow or too many is answered so, and counted.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::select;
use libprocess::http::{Client, Limits, Request};
use libprocess::metrics::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::served::{read_until, serve_counting, tell};

const SHORT: Duration = Duration::from_millis(50);

/// Runs `test` beside a server, and sees that somebody was turned away for `reason`.
fn turned_away<F: Future<Output = ()>>(limits: Limits, reason: &str, test: impl FnOnce(SocketAddr) -> F) {
    let metrics = Metrics::new();
    serve_counting(limits, metrics.clone(), |address, _, _| test(address));
    let all = metrics.snapshot();
    assert!(all[&format!("libprocess/http/refused/{reason}")] >= 1.0, "{all:?}");
}

#[expect(clippy::disallowed_methods, reason = "there is no runtime here, only a server")]
async fn nap(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Writes `head`, then a byte now and again for as long as nobody answers.
async fn trickle(address: SocketAddr, head: &str, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = socket.split();
    let mut answer = String::new();
    let trickling = async {
        for byte in bytes.iter().cycle() {
            nap(2).await;
            if writer.write_all(&[*byte]).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let reading = Box::pin(reader.read_to_string(&mut answer));
    drop(select(reading, Box::pin(trickling)).await);
    answer
}

#[test]
fn a_head_of_too_many_bytes_or_lines_is_431() {
    turned_away(Limits { head: 1000, ..Limits::default() }, "head_too_large", |address| async move {
        let head = format!("GET /version HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(2_000));
        assert!(tell(address, &head).await.starts_with("HTTP/1.1 431 "));
    });
    turned_away(Limits::default(), "head_too_large", |address| async move {
        let head = format!("GET /version HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200));
        assert!(tell(address, &head).await.starts_with("HTTP/1.1 431 "));
    });
}

#[test]
fn a_target_that_is_too_long_is_414_whole_or_not() {
    for end in ["", " HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let limits = Limits { target: 100, ..Limits::default() };
        turned_away(limits, "target_too_long", |address| async move {
            let answer = tell(address, &format!("GET /{}{end}", "x".repeat(500))).await;
            assert!(answer.starts_with("HTTP/1.1 414 "), "{answer}");
        });
    }
}

#[test]
fn a_head_that_trickles_is_408() {
    turned_away(Limits { head_time: SHORT, ..Limits::default() }, "head_too_slow", |address| async move {
        let answer = trickle(address, "GET /version HTTP/1.1\r\nX: ", b"x").await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    });
}

#[test]
fn a_head_that_is_none_is_400() {
    turned_away(Limits::default(), "head_malformed", |address| async move {
        let answer = tell(address, "GET /version HTTP/1.1\r\nHost a\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    });
}

#[test]
fn a_body_that_says_it_is_too_large_is_413_before_it_is_sent() {
    turned_away(Limits { body: 1000, ..Limits::default() }, "body_too_large", |address| async move {
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n";
        let answer = tell(address, head).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    });
}

#[test]
fn a_body_that_becomes_too_large_is_413() {
    turned_away(Limits { body: 1000, ..Limits::default() }, "body_too_large", |address| async move {
        let chunk = format!("1F4\r\n{}\r\n", "x".repeat(500));
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket
            .write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        for _ in 0..3 {
            socket.write_all(chunk.as_bytes()).await.unwrap();
            nap(1).await;
        }
        let answer = read_until(&mut socket, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    });
}

#[test]
fn a_body_that_stands_still_is_408() {
    turned_away(Limits { stall_time: SHORT, ..Limits::default() }, "body_too_slow", |address| async move {
        let answer = tell(address, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhi").await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    });
}

#[test]
fn a_body_that_trickles_is_408() {
    turned_away(Limits { body_time: SHORT, ..Limits::default() }, "body_too_slow", |address| async move {
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = trickle(address, head, b"1\r\nx\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    });
}

#[test]
fn a_route_that_streams_gives_its_body_all_the_time_it_wants() {
    let limits = Limits { body_time: Duration::ZERO, ..Limits::default() };
    serve_counting(limits, Metrics::new(), |address, _, _| async move {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket
            .write_all(b"POST /stream-in HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhi")
            .await
            .unwrap();
        nap(5).await;
        socket.write_all(b"ho").await.unwrap();
        let answer = read_until(&mut socket, "hiho").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    });
}

#[test]
fn who_does_not_take_an_answer_is_left() {
    let metrics = Metrics::new();
    let limits = Limits { stall_time: SHORT, ..Limits::default() };
    serve_counting(limits, metrics.clone(), |address, _, streams| async move {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        read_until(&mut socket, "first").await;
        let sender = streams.borrow_mut().pop().unwrap();
        while sender.ready().await.is_ok() {
            let _ = sender.send(vec![b'x'; 64 * 1024]);
        }
        drop(socket);
    });
    assert_eq!(metrics.snapshot()["libprocess/http/refused/reader_too_slow"], 1.0);
}

#[test]
fn one_connection_too_many_is_503() {
    turned_away(
        Limits { connections: 1, ..Limits::default() },
        "too_many_connections",
        |address| async move {
            let mut first = TcpStream::connect(address).await.unwrap();
            first.write_all(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            read_until(&mut first, "first").await;
            assert!(tell(address, "").await.starts_with("HTTP/1.1 503 "));
        },
    );
}

#[test]
fn a_gzipped_body_is_read_as_what_it_holds_within_the_limit() {
    let limits = Limits { body: 10_000, ..Limits::default() };
    serve_counting(limits, Metrics::new(), |address, _, _| async move {
        for (length, status) in [(10_000, 200), (10_001, 413)] {
            let plain = vec![b'x'; length];
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(&plain).unwrap();
            let packed = packed.finish().unwrap();
            let request = Request::post(&format!("http://{address}/echo"))
                .header("content-encoding", "gzip")
                .body(packed);
            let mut response = Client::new().send(request).await.unwrap();
            assert_eq!(response.status.as_u16(), status);
            let body = response.bytes(1 << 20).await.unwrap();
            assert_eq!(body.len() == length, status == 200);
        }
    });
}
