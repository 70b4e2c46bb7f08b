//! Questions from outside of any process: from `main`, a request handler, a test.

use std::time::Duration;

use actix::{Actor, Handler, Message};
use libprocess_wire as wire;
use tokio::sync::oneshot;

use crate::{AskError, Context, Process, Runtime, Spawn, Upid};

impl Runtime {
    /// Asks whoever has a door for `question` at `to`, here or on another node.
    ///
    /// A process of its own carries it, so it costs a spawn more than [`Context::ask`].
    pub async fn ask<Q: wire::Question>(
        &self,
        to: &Upid,
        question: Q,
        within: Duration,
    ) -> Result<Q::Reply, AskError> {
        let (sender, answer) = oneshot::channel();
        let to = to.clone();
        let make = move || Outsider { open: Some(Box::new((to, question, within))), sender: Some(sender) };
        // A runtime that is shut down reaches nobody.
        self.spawn(Spawn::prefixed("outside"), make).map_err(|_| AskError::LinkBroken)?;
        answer.await.unwrap_or(Err(AskError::LinkBroken))
    }
}

/// Asks one question, passes the answer on, and ends.
struct Outsider<Q: wire::Question> {
    open: Option<Box<(Upid, Q, Duration)>>,
    sender: Option<oneshot::Sender<Result<Q::Reply, AskError>>>,
}

struct Answered<Q: wire::Question>(Result<Q::Reply, AskError>);

impl<Q: wire::Question> Message for Answered<Q> {
    type Result = ();
}

impl<Q: wire::Question> Actor for Outsider<Q> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(open) = self.open.take() {
            let (to, question, within) = *open;
            ctx.ask(&to, question, within, Answered);
        }
    }
}

impl<Q: wire::Question> Process for Outsider<Q> {
    const KIND: &'static str = "outsider";
    type Input = Answered<Q>;
}

impl<Q: wire::Question> Handler<Answered<Q>> for Outsider<Q> {
    type Result = ();

    fn handle(&mut self, Answered(answer): Answered<Q>, ctx: &mut Context<Self>) {
        if let Some(sender) = self.sender.take() {
            // Nobody may wait any more.
            let _ = sender.send(answer);
        }
        ctx.stop();
    }
}
