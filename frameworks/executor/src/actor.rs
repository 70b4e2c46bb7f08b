//! The process around an executor: carries out what the session decides, hands it what it is told.

use bytes::Bytes;
use libprocess::http::{Body, Client, ClientError, Request, Response, StatusCode, header};
use libprocess::{Actor, Context, Handler, Message, Process};
use model::Time;
use model::executor_call::{ExecutorCall, ExecutorCallKind};
use model::executor_event::ExecutorEvent;
use rand::RngExt;

use crate::dialogue::{Alarm, Effect, Happening, Outcome};
use crate::driver::Driver;
use crate::environment::Environment;
use crate::executor::{Executor, Subscribed};
use crate::session::Session;
use crate::start::End;
use crate::wire;

/// An executor at work.
pub struct Running<E: Executor> {
    executor: E,
    environment: Environment,
    session: Session,
    decoder: wire::Events,
    /// Counts connections: what an older one still says is not listened to.
    stream: u64,
    /// The time of the last update.
    said: Option<Time>,
    end: End,
}

/// What reaches the process.
pub struct Input<I>(News<I>);

enum News<I> {
    /// The executor's own.
    Own(I),
    /// The answer to SUBSCRIBE.
    Answered {
        stream: u64,
        answer: Box<Result<Response, ClientError>>,
    },
    /// A piece of the stream, and the stream to read on; `None` at its end.
    Piece {
        stream: u64,
        body: Body,
        piece: Option<Result<Bytes, String>>,
    },
    /// The answer to another call.
    Called(Outcome),
    Woke(Alarm),
    /// The grace period is over.
    Overdue,
}

impl<I> Input<I> {
    /// An input of the executor itself.
    pub(crate) fn own(input: I) -> Input<I> {
        Input(News::Own(input))
    }
}

impl<I: Send + 'static> Message for Input<I> {
    type Result = ();
}

impl<E: Executor> Running<E> {
    pub(crate) fn new(executor: E, environment: Environment, end: End) -> Running<E> {
        let session = Session::new(environment.recovery);
        Running {
            executor,
            environment,
            session,
            decoder: wire::Events::default(),
            stream: 0,
            said: None,
            end,
        }
    }

    /// Lets the session decide, carries it out, and goes on until nobody has anything to say.
    fn happen(&mut self, happening: Happening, ctx: &mut Context<Self>) {
        let mut outbox = vec![happening];
        while !outbox.is_empty() {
            for happening in std::mem::take(&mut outbox) {
                for effect in self.session.decide(happening, ctx.now().into()) {
                    self.perform(effect, &mut outbox, ctx);
                }
            }
        }
    }

    /// Lets the executor handle something.
    fn hand(
        &mut self,
        outbox: &mut Vec<Happening>,
        ctx: &mut Context<Self>,
        to: impl FnOnce(&mut E, &mut Driver<'_, E>),
    ) {
        let alone = self.session.is_over();
        let (environment, said) = (&self.environment, &mut self.said);
        to(&mut self.executor, &mut Driver { environment, outbox, alone, said, ctx });
    }

    fn perform(&mut self, effect: Effect, outbox: &mut Vec<Happening>, ctx: &mut Context<Self>) {
        match effect {
            Effect::Subscribe(call) => {
                self.stream += 1;
                self.decoder = wire::Events::default();
                let client = ctx.runtime().client();
                let request = self.request(call, &client);
                let stream = self.stream;
                ctx.task(async move { client.send(request).await }, move |answer| {
                    Input(News::Answered { stream, answer: Box::new(answer) })
                });
            }
            Effect::Disconnect => self.stream += 1,
            Effect::Call(call) => {
                let client = ctx.runtime().client();
                let request = self.request(call, &client);
                ctx.task(call_out(client, request), |outcome| Input(News::Called(outcome)));
            }
            Effect::Alarm { delay, at_random, alarm } => {
                let part = if at_random { ctx.rng().random::<f64>() } else { 1.0 };
                ctx.after(delay.mul_f64(part), Input(News::Woke(alarm)));
            }
            Effect::Deliver(event) => self.deliver(event, outbox, ctx),
            Effect::Acknowledged(status) => {
                self.hand(outbox, ctx, |executor, driver| executor.acknowledged(driver, status))
            }
            Effect::Disconnected => self.hand(outbox, ctx, |executor, driver| executor.disconnected(driver)),
            Effect::GiveUp { why } => {
                tracing::warn!(%why, "the agent is lost");
                self.shut_down(outbox, ctx);
            }
        }
    }

    fn deliver(&mut self, event: ExecutorEvent, outbox: &mut Vec<Happening>, ctx: &mut Context<Self>) {
        match event {
            ExecutorEvent::Subscribed { executor, framework, agent, container_id } => {
                let subscribed = Subscribed { executor, framework, agent, container_id };
                self.hand(outbox, ctx, |executor, driver| executor.subscribed(driver, subscribed));
            }
            ExecutorEvent::Launch(task) => {
                self.hand(outbox, ctx, |executor, driver| executor.launch(driver, *task))
            }
            ExecutorEvent::LaunchGroup(tasks) => {
                self.hand(outbox, ctx, |executor, driver| executor.launch_group(driver, tasks));
            }
            ExecutorEvent::Kill { task_id, kill_policy } => {
                self.hand(outbox, ctx, |executor, driver| executor.kill(driver, task_id, kill_policy));
            }
            ExecutorEvent::Message { data } => {
                self.hand(outbox, ctx, |executor, driver| executor.message(driver, data))
            }
            ExecutorEvent::Shutdown => self.shut_down(outbox, ctx),
            ExecutorEvent::Error { message } => {
                tracing::error!(%message, "the agent sent an error");
                self.shut_down(outbox, ctx);
            }
            ExecutorEvent::Acknowledged { .. } | ExecutorEvent::Heartbeat => {}
        }
    }

    /// The executor may end in order; after its grace period it ends anyhow.
    fn shut_down(&mut self, outbox: &mut Vec<Happening>, ctx: &mut Context<Self>) {
        ctx.after(self.environment.shutdown_grace, Input(News::Overdue));
        self.hand(outbox, ctx, |executor, driver| executor.shutdown(driver));
    }

    fn request(&self, kind: ExecutorCallKind, client: &Client) -> Request {
        let subscribes = matches!(kind, ExecutorCallKind::Subscribe { .. });
        let call = ExecutorCall {
            framework_id: self.environment.framework_id.clone(),
            executor_id: self.environment.executor_id.clone(),
            kind,
        };
        let mut request = Request::post(&client.url(&self.environment.agent, "/api/v1/executor"))
            .header(header::CONTENT_TYPE, wire::MEDIA_TYPE)
            .body(wire::spell(call));
        if subscribes {
            request = request.header(header::ACCEPT, wire::MEDIA_TYPE);
        }
        match &self.environment.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    fn answered(&mut self, answer: Result<Response, ClientError>, ctx: &mut Context<Self>) {
        match answer {
            Err(error) => self.happen(Happening::Refused { why: with_source(&error), for_good: false }, ctx),
            Ok(mut response) if response.status == StatusCode::OK => {
                self.happen(Happening::Accepted, ctx);
                self.read_on(std::mem::take(&mut response.body), ctx);
            }
            Ok(mut response) => {
                // Answers that refuse are short; what is not here at once is not worth waiting for.
                let status = response.status;
                let text = match &mut response.body {
                    Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Body::Empty | Body::Stream(_) => String::new(),
                };
                let for_good = status.is_client_error();
                self.happen(Happening::Refused { why: format!("{status}: {text}"), for_good }, ctx);
            }
        }
    }

    fn read_on(&mut self, mut body: Body, ctx: &mut Context<Self>) {
        let stream = self.stream;
        let next = async move {
            let piece = body.next().await;
            (body, piece.map(|piece| piece.map_err(|error| error.to_string())))
        };
        ctx.task(next, move |(body, piece)| Input(News::Piece { stream, body, piece }));
    }

    fn piece(&mut self, body: Body, piece: Option<Result<Bytes, String>>, ctx: &mut Context<Self>) {
        let bytes = match piece {
            Some(Ok(bytes)) => bytes,
            Some(Err(why)) => return self.happen(Happening::Lost { why }, ctx),
            None => return self.happen(Happening::Lost { why: "the agent ended the stream".into() }, ctx),
        };
        let stream = self.stream;
        self.decoder.push(bytes);
        loop {
            match self.decoder.next() {
                Ok(None) => break,
                Ok(Some(event)) => self.happen(Happening::Event(event), ctx),
                Err(why) => return self.happen(Happening::Lost { why }, ctx),
            }
        }
        if self.stream == stream {
            self.read_on(body, ctx);
        }
    }
}

/// Makes a call; its answer has no content worth reading unless it refuses.
async fn call_out(client: Client, request: Request) -> Outcome {
    match client.send(request).await {
        Err(error) => Outcome::Failed(with_source(&error)),
        Ok(response) if response.status.is_success() => Outcome::Heard,
        Ok(mut response) => {
            let status = response.status;
            let text = response.bytes(4096).await.unwrap_or_default();
            let why = format!("{status}: {}", String::from_utf8_lossy(&text));
            match status {
                // Not subscribed any more, or not yet again: the stream will say more.
                StatusCode::FORBIDDEN | StatusCode::SERVICE_UNAVAILABLE => Outcome::Failed(why),
                _ => Outcome::Rejected(why),
            }
        }
    }
}

/// An error with what caused it, in one line.
fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_source(source)),
        None => error.to_string(),
    }
}

impl<E: Executor> Actor for Running<E> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.happen(Happening::Started, ctx);
    }
}

impl<E: Executor> Process for Running<E> {
    const KIND: &'static str = "executor";
    type Input = Input<E::Input>;
}

impl<E: Executor> Handler<Input<E::Input>> for Running<E> {
    type Result = ();

    fn handle(&mut self, input: Input<E::Input>, ctx: &mut Context<Self>) {
        match input.0 {
            News::Answered { stream, answer } if stream == self.stream => self.answered(*answer, ctx),
            News::Piece { stream, body, piece } if stream == self.stream => self.piece(body, piece, ctx),
            News::Answered { .. } | News::Piece { .. } => {}
            News::Called(outcome) => self.happen(Happening::Called(outcome), ctx),
            News::Woke(alarm) => self.happen(Happening::Woke(alarm), ctx),
            News::Own(input) => {
                let mut outbox = Vec::new();
                self.hand(&mut outbox, ctx, |executor, driver| executor.input(driver, input));
                outbox.into_iter().for_each(|happening| self.happen(happening, ctx));
            }
            News::Overdue => {
                self.end.force();
                ctx.stop();
            }
        }
    }
}
