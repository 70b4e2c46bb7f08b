//! All an executor may do while it handles something.

use std::future::Future;
use std::time::Duration;

use libprocess::{Context, Timer};
use model::{StatusSource, TaskStatus, Time, UpdateId};
use rand::Rng;

use crate::Environment;
use crate::actor::{Input, Running};
use crate::dialogue::Happening;
use crate::executor::Executor;
use crate::nested::Containers;

/// The executor's hand on its agent, its clock and its own end.
pub struct Driver<'a, E: Executor> {
    pub(crate) environment: &'a Environment,
    pub(crate) outbox: &'a mut Vec<Happening>,
    pub(crate) alone: bool,
    /// The time of the last update.
    pub(crate) said: &'a mut Option<Time>,
    pub(crate) ctx: &'a mut Context<Running<E>>,
}

impl<E: Executor> Driver<'_, E> {
    /// Reports on a task. The update is kept, and told again to an agent that was away, until it is
    /// acknowledged. Its uuid, time, source and executor are filled in.
    pub fn update(&mut self, mut status: TaskStatus) -> UpdateId {
        let mut bytes = [0; 16];
        self.ctx.rng().fill_bytes(&mut bytes);
        let uuid = UpdateId::from_random(bytes);
        status.uuid = Some(uuid);
        status.source = Some(StatusSource::Executor);
        status.executor_id = Some(self.environment.executor_id.clone());
        // Those of one handler come at the same time, and who reads them sorts by it.
        if status.timestamp.is_none() {
            let at = self.now().after(*self.said);
            *self.said = Some(at);
            status.timestamp = Some(at);
        }
        self.outbox.push(Happening::Update(Box::new(status)));
        uuid
    }

    /// Sends bytes to the scheduler, as well as can be.
    pub fn message(&mut self, data: Vec<u8>) {
        self.outbox.push(Happening::Message(data));
    }

    /// What the agent told at birth.
    pub fn environment(&self) -> &Environment {
        self.environment
    }

    /// Whether the agent is lost for good: what is reported now is heard by nobody.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    pub fn now(&self) -> Time {
        self.ctx.now().into()
    }

    /// Receives `input` after a while.
    pub fn after(&mut self, delay: Duration, input: E::Input) -> Timer {
        self.ctx.after(delay, Input::own(input))
    }

    /// Forgets a timer.
    pub fn cancel(&mut self, timer: Timer) {
        self.ctx.cancel(timer);
    }

    /// Runs a future here; its output comes back as an input.
    pub fn task<F: Future + 'static>(
        &mut self,
        future: F,
        map: impl FnOnce(F::Output) -> E::Input + 'static,
    ) {
        self.ctx.task(future, |output| Input::own(map(output)));
    }

    /// Runs a job that blocks elsewhere; its output comes back as an input.
    pub fn blocking<T: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> T + Send + 'static,
        map: impl FnOnce(T) -> E::Input + Send + 'static,
    ) {
        self.ctx.blocking(job, |output| Input::own(map(output)));
    }

    /// Sends HTTP requests: health checks, above all.
    pub fn client(&self) -> libprocess::http::Client {
        self.ctx.runtime().client()
    }

    /// The agent, as one asks it for containers.
    pub(crate) fn containers(&self) -> Containers {
        Containers {
            client: self.client(),
            runtime: self.ctx.runtime().clone(),
            agent: self.environment.agent.clone(),
            token: self.environment.token.clone(),
        }
    }

    /// Ends the executor when this handler returns.
    pub fn stop(&mut self) {
        self.ctx.stop();
    }
}
