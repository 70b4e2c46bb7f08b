//! What is heard of old executors: a message becomes the call it stands for.

use std::sync::Arc;
use std::time::Duration;

use api::v0::executor::{Asked, NAMES, read, shutdown};
use api::v1;
use libprocess::legacy::{Backlog, Heard};
use libprocess::{Doors, Edge};
use model::executor_call::{ExecutorCall, ExecutorCallKind};

use super::correspondence::{Correspondence, tell};
use crate::actor::Agent;
use crate::http::executor::{BACKLOG_BYTES_MAX, BACKLOG_MAX, WITHIN, limited};
use crate::http::{Refused, Session};
use crate::messages::{Door, Input, Letter};
use crate::public::Public;

/// How long until an agent that is not ready is asked once more, and how often: drivers say things once.
const AGAIN: Duration = Duration::from_millis(500);
const TRIES: u32 = 30;

/// Opens the doors.
pub(crate) fn doors(doors: &mut Doors<Agent>, public: &Arc<Public>) {
    for name in NAMES {
        let public = Arc::clone(public);
        doors.legacy(name, move |heard, edge| {
            let public = Arc::clone(&public);
            async move { hear(name, heard, &edge, &public).await }
        });
    }
}

/// Hears one message. Nobody is answered; an executor nobody knows is told to end.
async fn hear(name: &'static str, heard: Heard, edge: &Edge<Agent>, public: &Public) {
    let Heard { from, body } = heard;
    if public.state().settings.tokens.is_some() {
        tracing::warn!(%from, name, "an old executor cannot show the token it was given, and is not heard");
        return;
    }
    let Asked { mut call, greeting } = match read(name, &body) {
        Ok(asked) => asked,
        Err(why) => {
            tracing::warn!(%from, name, %why, "a message of an executor says nothing");
            return;
        }
    };
    limited(&mut call, public).await;
    let subscribes = matches!(call.kind, ExecutorCallKind::Subscribe { .. });
    let backlog = Backlog { messages: BACKLOG_MAX, bytes: BACKLOG_BYTES_MAX };
    let agent = edge.pid.upid().bare();
    let mut answer = Err(Refused::Recovering);
    for _ in 0..TRIES {
        let open = || Correspondence::open(&edge.runtime, (agent.clone(), from.clone()), backlog, greeting);
        let session = subscribes.then(|| Session::Driver(Box::new(open())));
        let stream = subscribes.then(|| public.next_stream());
        let said = ExecutorCall::clone(&call);
        let heard = edge.pid.call(WITHIN, |reply| {
            let door = Door { reply: Some(reply), session, ..Door::default() };
            let driver = stream.map(|_| from.clone());
            Letter(Input::Call { call: Box::new(said), stream, driver, door })
        });
        answer = match heard.await {
            Ok(answer) => answer,
            Err(error) => return tracing::warn!(%from, name, %error, "a message of an executor is lost"),
        };
        match answer {
            Err(Refused::Recovering) => edge.runtime.sleep(AGAIN).await,
            _ => break,
        }
    }
    if let Err(refused) = answer {
        tracing::warn!(%from, name, %refused, "a message of an executor is not heard");
        if subscribes && matches!(refused, Refused::UnknownFramework | Refused::UnknownExecutor) {
            let id = v1::ExecutorId::from(&call.executor_id);
            tell(&edge.runtime, agent, from, &shutdown(Some(id)));
        }
    }
}
