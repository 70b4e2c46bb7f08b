//! HTTP between simulated nodes: values over a connection, through the other node's router.
//!
//! A request is handed over when its knock is answered, an answer when its first packet arrives, and
//! the pieces of streamed bodies one packet each; an answer that is whole is its server's last. So
//! latency, partitions, breaks and deaths reach HTTP as they reach links; only sockets and the parser
//! are absent.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, LocalBoxFuture, select};
use futures_util::stream::unfold;
use parking_lot::Mutex;

use super::pipe::{Dialler, End};
use super::spawner::NodeSpawner;
use crate::Runtime;
use crate::environment::Spawner;
use crate::http::{Body, BodyError, Chunks, Client, ClientError, Request, Response};

/// A client whose requests go through the simulated network.
pub(super) fn client(dialler: Dialler) -> Client {
    Client::direct(Arc::new(move |request| {
        let dialler = dialler.clone();
        Box::pin(async move {
            let host = request.host().unwrap_or_default().to_owned();
            let Ok(to) = host.parse::<SocketAddr>() else { return Err(ClientError::Url(host)) };
            let limit = request.deadline();
            let core = dialler.core.clone();
            let exchange = Box::pin(exchange(dialler, to, host.clone(), request));
            match limit {
                None => exchange.await,
                Some(limit) => match select(exchange, core.sleep(limit)).await {
                    Either::Left((answer, _)) => answer,
                    Either::Right(_) => Err(ClientError::Timeout { host, limit }),
                },
            }
        })
    }))
}

async fn exchange(
    dialler: Dialler,
    to: SocketAddr,
    host: String,
    mut request: Request,
) -> Result<Response, ClientError> {
    let refused = |source| ClientError::Connect { host: host.clone(), source };
    let broken = |why: String| ClientError::Broken { host: host.clone(), why };
    let upload = match std::mem::take(&mut request.body) {
        Body::Stream(chunks) => Some(Body::Stream(chunks)),
        whole => {
            request.body = whole;
            None
        }
    };
    request.peer = Some(dialler.address);
    let answer: Slot = Arc::default();
    let (slot, streamed) = (answer.clone(), upload.is_some());
    let end = dialler
        .knock(to, Box::new(move |runtime, end| serve(runtime, end, request, streamed, slot)))
        .map_err(refused)?;
    if let Some(upload) = upload {
        end.welcome().await.map_err(refused)?;
        let sender = end.clone();
        let spawner = NodeSpawner::new(dialler.core.clone(), dialler.life);
        spawner
            .local(Box::pin(async move {
                // Whether it was read to its end is seen by the answer.
                let _ = forward(upload, &sender).await;
            }))
            .detach();
    }
    match end.first().await.map_err(refused)? {
        Some(Ok(_)) => {}
        Some(Err(error)) => return Err(broken(error.to_string())),
        None => return Err(broken("closed before an answer".to_owned())),
    }
    let Some(mut response) = answer.lock().take() else { return Err(broken("no answer".to_owned())) };
    if matches!(response.body, Body::Stream(_)) {
        response.body = pieces(end);
    }
    Ok(response)
}

/// Where the head of an answer lies until its packet arrives.
type Slot = Arc<Mutex<Option<Response>>>;

/// At the other node: answers one request.
fn serve(
    runtime: Runtime,
    end: End,
    mut request: Request,
    streamed: bool,
    slot: Slot,
) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        if streamed {
            request.body = pieces(end.clone());
        }
        let mut response = runtime.router().handle(request).await;
        let body = match std::mem::take(&mut response.body) {
            Body::Stream(chunks) => {
                response.body = Body::Stream(Chunks::new(futures_util::stream::empty()));
                Some(Body::Stream(chunks))
            }
            whole => {
                response.body = whole;
                None
            }
        };
        *slot.lock() = Some(response);
        let head = Bytes::from_static(b"head");
        if body.is_none() && !streamed {
            // Whoever asked has no more to say either.
            let _ = end.send_last(head).await;
            return;
        }
        if end.send(head).await.is_err() {
            return;
        }
        let whole = match body {
            Some(body) => forward(body, &end).await,
            None => {
                end.finish();
                true
            }
        };
        // Until its reader has gone: what the reader still sends must not reset what it reads.
        if whole {
            end.left().await;
        }
    })
}

/// Sends a body piece by piece; whether its reader got it to the proper end, or may still.
async fn forward(mut body: Body, end: &End) -> bool {
    loop {
        let left = Box::pin(end.left());
        let piece = match select(Box::pin(body.next()), left).await {
            Either::Left((piece, _)) => piece,
            Either::Right(_) => return false,
        };
        match piece {
            Some(Ok(piece)) => {
                if end.send(piece).await.is_err() {
                    return false;
                }
            }
            Some(Err(_)) => return false,
            None => {
                end.finish();
                return true;
            }
        }
    }
}

/// The body that arrives at an end, which goes with it.
fn pieces(end: End) -> Body {
    Body::Stream(Chunks::new(unfold(Some(end), |end| async {
        let end = end?;
        match end.receive().await? {
            Ok(piece) => Some((Ok(piece), Some(end))),
            Err(error) => Some((Err(BodyError::Broken(error.to_string())), None)),
        }
    })))
}
