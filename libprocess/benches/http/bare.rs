//! The peer: actix-http's dispatcher, answering the same.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use actix_http::header::{CONTENT_TYPE, HeaderValue};
use actix_http::{HttpService, Request, Response, StatusCode};
use actix_service::{Service, ServiceFactory, fn_service};
use futures_util::StreamExt;
use tokio::net::TcpListener;
use tokio::task::spawn_local;

use crate::VERSION;

pub(crate) async fn serve(known: Sender<SocketAddr>) {
    let answer = fn_service(|mut request: Request| async move {
        if request.path() == "/call" {
            let mut body = request.take_payload();
            while body.next().await.is_some_and(|piece| piece.is_ok()) {}
            return Ok::<_, Infallible>(Response::new(StatusCode::ACCEPTED).set_body(""));
        }
        let mut answer = Response::new(StatusCode::OK).set_body(VERSION);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(answer)
    });
    let service = HttpService::build().h1(answer).tcp().new_service(()).await.expect("it needs nothing");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    known.send(listener.local_addr().expect("an address")).expect("somebody waits");
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        let answering = service.call(socket);
        spawn_local(async move { drop(answering.await) });
    }
}
