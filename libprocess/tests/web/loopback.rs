//! The HTTP server and client over real sockets on loopback.

use std::time::Duration;

use libprocess::http::{Body, Client, ClientError, Limits, Request, StatusCode, header, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::served::{read_until, serve, tell};

const DATE: &str = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

#[test]
fn pipelined_requests_are_answered_in_order() {
    serve(Limits::default(), |address, _, _| async move {
        let answer = tell(
            address,
            "GET /version HTTP/1.1\r\nHost: a\r\n\r\n\
             POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\
             GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .await;
        assert_eq!(
            answer,
            format!(
                "HTTP/1.1 200 OK\r\n{DATE}Content-Type: application/json\r\nContent-Length: 20\r\n\r\n\
                 {{\"version\":\"1.11.0\"}}\
                 HTTP/1.1 200 OK\r\n{DATE}Content-Length: 2\r\n\r\nhi\
                 HTTP/1.1 404 Not Found\r\n{DATE}Content-Type: text/plain; charset=utf-8\r\n\
                 Content-Length: 14\r\nConnection: close\r\n\r\n404 Not Found."
            )
        );
    });
}

#[test]
fn http_1_0_is_answered_and_closed() {
    serve(Limits::default(), |address, _, _| async move {
        let answer = tell(address, "GET /version HTTP/1.0\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n{\"version\":\"1.11.0\"}"), "{answer}");
    });
}

#[test]
fn what_is_not_http_is_closed_without_an_answer() {
    serve(Limits::default(), |address, _, _| async move {
        assert_eq!(tell(address, "GARBAGE\r\n\r\n").await, "");
        assert_eq!(tell(address, "\u{1}\u{2}\u{3}\r\n\r\n").await, "");
    });
}

#[test]
fn one_send_is_one_chunk_and_connection_close_does_not_end_a_stream() {
    serve(Limits::default(), |address, _, streams| async move {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(b"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let head = read_until(&mut socket, "5\r\nfirst\r\n").await;
        assert_eq!(
            head,
            format!(
                "HTTP/1.1 200 OK\r\n{DATE}Transfer-Encoding: chunked\r\nMesos-Stream-Id: s1\r\n\
                 Content-Type: a/b\r\n\r\n5\r\nfirst\r\n"
            )
        );
        let sender = streams.borrow_mut().pop().unwrap();
        sender.send("20\n{\"type\":\"HEARTBEAT\"}").unwrap();
        sender.send("x").unwrap();
        sender.close();
        let rest = read_until(&mut socket, "0\r\n\r\n").await;
        assert_eq!(rest, "17\r\n20\n{\"type\":\"HEARTBEAT\"}\r\n1\r\nx\r\n0\r\n\r\n");
        assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn the_writer_of_a_stream_hears_that_its_reader_left() {
    serve(Limits::default(), |address, _, streams| async move {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        read_until(&mut socket, "first").await;
        let sender = streams.borrow_mut().pop().unwrap();
        assert!(!sender.is_closed());
        drop(socket);
        sender.closed().await;
        assert!(sender.send("x").is_err());
    });
}

#[test]
fn a_body_nobody_reads_ends_the_connection() {
    serve(Limits::default(), |address, _, _| async move {
        let answer = tell(
            address,
            "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nGET /version HTTP/1.1\r\n",
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        assert!(answer.ends_with("Connection: close\r\n\r\n"), "{answer}");
    });
}

#[test]
fn a_client_keeps_its_connection_for_the_next_request() {
    serve(Limits::default(), |address, server, _| async move {
        let client = Client::new();
        for _ in 0..3 {
            let mut response = client.send(Request::get(&format!("http://{address}/version"))).await.unwrap();
            assert_eq!(response.status, StatusCode::OK);
            assert_eq!(response.text_of(header::CONTENT_TYPE), Some("application/json"));
            assert_eq!(response.bytes(100).await.unwrap(), "{\"version\":\"1.11.0\"}");
        }
        assert_eq!(server.connections(), 1);
        let big = "x".repeat(300_000);
        let request = Request::post(&format!("http://{address}/echo")).body(big.clone());
        let mut response = client.send(request).await.unwrap();
        assert_eq!(response.bytes(1 << 20).await.unwrap(), big);
        assert_eq!(server.connections(), 1);
    });
}

#[test]
fn a_streaming_answer_is_read_as_it_comes() {
    serve(Limits::default(), |address, _, streams| async move {
        let client = Client::new();
        let mut response = client.send(Request::get(&format!("http://{address}/stream"))).await.unwrap();
        assert_eq!(response.text_of("mesos-stream-id".parse().unwrap()), Some("s1"));
        assert_eq!(response.body.next().await.unwrap().unwrap(), "first");
        let sender = streams.borrow_mut().pop().unwrap();
        sender.send("second").unwrap();
        assert_eq!(response.body.next().await.unwrap().unwrap(), "second");
        sender.abort();
        assert!(response.body.next().await.unwrap().is_err());
    });
}

#[test]
fn a_streamed_request_body_arrives() {
    serve(Limits::default(), |address, _, _| async move {
        let (sender, body) = stream(16, 1 << 20);
        sender.send("a").unwrap();
        sender.send("b").unwrap();
        sender.close();
        let request = Request::post(&format!("http://{address}/echo")).body(body);
        let mut response = Client::new().send(request).await.unwrap();
        assert_eq!(response.bytes(100).await.unwrap(), "ab");
    });
}

#[test]
fn a_head_has_no_body() {
    serve(Limits::default(), |address, _, _| async move {
        let client = Client::new();
        let url = format!("http://{address}/version");
        let mut response = client.send(Request::new(libprocess::http::Method::HEAD, &url)).await.unwrap();
        assert_eq!(response.bytes(100).await.unwrap(), "");
        let mut response = client.send(Request::get(&url)).await.unwrap();
        assert_eq!(response.bytes(100).await.unwrap().len(), 20);
    });
}

#[test]
fn who_does_not_answer_is_named() {
    serve(Limits::default(), |_, _, _| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::new();
        let silent = Request::get(&format!("http://{address}/")).within(Duration::from_millis(20));
        let error = client.send(silent).await.unwrap_err();
        assert_eq!(error.to_string(), format!("no answer from {address} within 20ms"));
        drop(listener);
        let error = client.send(Request::get(&format!("http://{address}/"))).await.unwrap_err();
        assert!(matches!(&error, ClientError::Connect { .. }), "{error}");
        assert!(error.was_not_seen());
        assert!(matches!(client.send(Request::get("/no-host")).await, Err(ClientError::Url(_))));
    });
}

#[test]
fn an_empty_body_is_known_to_be_empty() {
    assert!(Body::from("").is_empty());
    assert_eq!(Body::from("abc").len(), Some(3));
}
