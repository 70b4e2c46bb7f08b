//! A process at home: the actor, its context, and one turn of it.
//!
//! ```text
//!  one turn:  timers ≤ 64 → system lane, all → futures → user lane, the rest of 128 messages
//!             or 200 µs of the shard's turn, whichever is first; what is left waits for the next
//! ```

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use actix::dev::{EnvelopeProxy, MessageResponse};
use actix::{Handler, Running};

use crate::context::{Alarm, State};
use crate::link::{Exit, Reason};
use crate::mailbox::{Envelope, System};
use crate::shard::{Hosted, Next};
use crate::testing;
use crate::{AskError, Context, Doors, Process, panics, span};

const TURN_MESSAGES: usize = 128;
const TURN_TIMERS: usize = 64;
const TURN_TIME: Duration = Duration::from_micros(200);
/// How many messages' room an idle process may keep for the next.
const ROOM_MIN: usize = 8;
/// How many messages between two looks at the clock.
const CLOCK_EVERY: usize = 8;

/// An actor with its context, on its shard.
pub(crate) struct Home<A: Process> {
    /// Gone once the process has ended.
    actor: Option<A>,
    ctx: Context<A>,
    batch: Option<Box<Batch<A>>>,
}

/// What a turn took out of the mailbox; made for the first turn, empty between most.
struct Batch<A: Process> {
    timers: VecDeque<u64>,
    system: VecDeque<System<A>>,
    user: VecDeque<Envelope<A>>,
}

impl<A: Process> Default for Batch<A> {
    fn default() -> Batch<A> {
        Batch { timers: VecDeque::new(), system: VecDeque::new(), user: VecDeque::new() }
    }
}

impl<A: Process> Home<A> {
    pub(crate) fn new(actor: A, ctx: Context<A>) -> Home<A> {
        Home { actor: Some(actor), ctx, batch: None }
    }

    /// One turn, with panics still on their way. `input` is what is being handled.
    fn batch(&mut self, handled: &mut usize, input: &mut &'static str) -> Next {
        let Some(actor) = self.actor.as_mut() else { return Next::Ended };
        let ctx = &mut self.ctx;
        let batch = self.batch.get_or_insert_default();
        ctx.begin_turn();
        let room = if batch.user.is_empty() && !ctx.waits() { TURN_MESSAGES } else { 0 };
        let (woken, more) = ctx.cell().take(&mut batch.system, &mut batch.user, room, ctx.waits());

        while let Some(timer) = batch.timers.pop_front() {
            *handled += 1;
            alarm(actor, ctx, timer, input);
            if ctx.is_stopping() || *handled >= TURN_TIMERS {
                break;
            }
        }
        while !ctx.is_stopping() {
            let Some(entry) = batch.system.pop_front() else { break };
            *handled += usize::from(!matches!(entry, System::Probe(_)));
            system(actor, ctx, entry, input);
        }
        if batch.system.is_empty() {
            // Rarely used, and most processes are idle: the room for it is made again when it is needed.
            batch.system = VecDeque::new();
        }
        if woken || ctx.has_new_futures() {
            *input = "an actor future or a stock message";
            ctx.begin(input);
            ctx.poll_futures(actor);
        }
        *input = std::any::type_name::<A::Input>();
        while !ctx.is_stopping() && !ctx.waits() && *handled < TURN_MESSAGES {
            let Some(envelope) = batch.user.pop_front() else { break };
            *handled += 1;
            user(actor, ctx, envelope, input);
            if handled.is_multiple_of(CLOCK_EVERY) && ctx.is_late(TURN_TIME) {
                break;
            }
        }
        if batch.user.is_empty() && batch.user.capacity() > ROOM_MIN.max(4 * *handled) {
            // After a burst, the lane becomes small again by and by.
            batch.user.shrink_to(batch.user.capacity() / 2);
        }
        actor.turned(ctx);
        if ctx.is_stopping() {
            return Next::Ended;
        }
        let blocked = ctx.waits();
        if !batch.timers.is_empty() || ((more || !batch.user.is_empty()) && !blocked) || ctx.has_new_futures()
        {
            Next::Again
        } else {
            Next::Idle
        }
    }

    /// Runs foreign code; a panic becomes the reason of the end. `work` says as it goes what it runs.
    fn guarded(&mut self, work: impl FnOnce(&mut Home<A>, &mut &'static str) -> Next) -> Next {
        let mut input = std::any::type_name::<A::Input>();
        match catch_unwind(AssertUnwindSafe(|| work(self, &mut input))) {
            Ok(next) => next,
            Err(panic) => {
                self.ctx.stop_because(panics::reason(&*panic, input));
                Next::Ended
            }
        }
    }

    /// The last acts: actix's `stopped`, then the actor, its tasks and its mailbox go.
    fn end(&mut self) {
        let Some(mut actor) = self.actor.take() else { return };
        self.ctx.set_state(State::Stopped);
        let ctx = &mut self.ctx;
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            actor.stopped(ctx);
            ctx.cell().dies();
            drop(actor);
        }));
        if let Err(panic) = stopped {
            tracing::error!(upid = %ctx.upid(), panic = panics::message(&*panic), "panicked while it ended");
        }
        self.ctx.cell().dies();
        let left = catch_unwind(AssertUnwindSafe(|| {
            self.batch = None;
        }));
        if left.is_err() {
            tracing::error!(upid = %self.ctx.upid(), "a message panicked while it was dropped");
        }
        self.ctx.leave();
    }
}

impl<A: Process> Hosted for Home<A> {
    fn start(&mut self) -> Next {
        self.ctx.begin_turn();
        let next = self.guarded(|home, input| {
            *input = "its start";
            home.ctx.begin(input);
            let actor = home.actor.as_mut().expect("a process starts before it ends");
            actor.started(&mut home.ctx);
            // One that nobody has spoken to costs no more than it is.
            if home.ctx.has_new_futures() || !home.ctx.cell().rest() { Next::Again } else { Next::Idle }
        });
        if self.ctx.is_stopping() || next == Next::Ended { Next::Again } else { next }
    }

    fn turn(&mut self) -> (usize, Next) {
        let mut handled = 0;
        let mut next = Next::Ended;
        if !self.ctx.is_stopping() {
            next = self.guarded(|home, input| home.batch(&mut handled, input));
        }
        if self.ctx.is_stopping() {
            next = Next::Ended;
            if self.ctx.may_refuse_to_stop() {
                let verdict = self.guarded(|home, input| {
                    *input = "whether it stops";
                    home.ctx.begin(input);
                    let Some(actor) = home.actor.as_mut() else { return Next::Ended };
                    match actor.stopping(&mut home.ctx) {
                        Running::Continue => Next::Again,
                        Running::Stop => Next::Ended,
                    }
                });
                if verdict == Next::Again {
                    self.ctx.set_state(State::Running);
                    next = Next::Again;
                }
            }
        }
        self.ctx.cell().count(handled);
        if next == Next::Ended {
            self.ctx.begin("its end");
            self.end();
        }
        (handled, next)
    }

    fn due(&mut self, timer: u64) {
        self.batch.get_or_insert_default().timers.push_back(timer);
    }

    fn kill(&mut self) {
        if self.actor.is_some() {
            self.ctx.begin_turn();
            self.ctx.stop_because(Reason::NodeDown);
            self.end();
        }
    }
}

fn alarm<A: Process>(actor: &mut A, ctx: &mut Context<A>, timer: u64, input: &mut &'static str) {
    match ctx.take_alarm(timer) {
        Some(Alarm::Input(input)) => receive(actor, ctx, input, true),
        Some(Alarm::Call(call)) => {
            let before = std::mem::replace(input, "the closure of a timer");
            ctx.begin(input);
            call(actor, ctx);
            *input = before;
        }
        Some(Alarm::Ask(number)) => {
            if let Some((input, part)) = ctx.answered(number, Err(AskError::Timeout)) {
                let _inside = part.map(span::enter);
                receive(actor, ctx, input, false);
            }
        }
        None => {}
    }
}

fn system<A: Process>(actor: &mut A, ctx: &mut Context<A>, entry: System<A>, input: &mut &'static str) {
    match entry {
        System::Input(input) => receive(actor, ctx, input, false),
        System::Done(task, input) => {
            ctx.task_done(task);
            receive(actor, ctx, input, false);
        }
        System::Exited(peer, exit) => {
            let told = match ctx.runtime().filters().is_active() {
                true => testing::exit(ctx, peer, exit),
                false => Some((peer, exit)),
            };
            let before = std::mem::replace(input, "the end of a linked process");
            ctx.begin(input);
            if let Some((peer, exit)) = told {
                exited(actor, ctx, &peer, exit);
            }
            *input = before;
        }
        System::Answer(number, answer) => {
            if let Some((input, part)) = ctx.answered(number, answer) {
                let _inside = part.map(span::enter);
                receive(actor, ctx, input, false);
            }
        }
        #[cfg(feature = "testing")]
        System::Passed(passed) => match *passed {
            testing::Passed::Input(input) => handle(actor, ctx, input),
            testing::Passed::Exit(peer, exit) => exited(actor, ctx, &peer, exit),
        },
        System::Panicked(reason) => ctx.stop_because(*reason),
        System::Terminate(reason) => ctx.stop_because(reason),
        System::Probe(asker) => drop(asker.send(ctx.inside())),
    }
}

fn exited<A: Process>(actor: &mut A, ctx: &mut Context<A>, peer: &crate::Upid, exit: Exit) {
    if ctx.forget_link(peer) {
        actor.exited(peer, exit, ctx);
    }
}

#[inline]
fn user<A: Process>(actor: &mut A, ctx: &mut Context<A>, envelope: Envelope<A>, input: &mut &'static str) {
    match envelope {
        Envelope::Input(input) => receive(actor, ctx, input, false),
        Envelope::Heavy(heavy) => receive(actor, ctx, heavy.1, false),
        Envelope::Stock(mut envelope) => {
            let before = std::mem::replace(input, "a message other than its input");
            ctx.begin(input);
            envelope.handle(actor, ctx);
            *input = before;
        }
        Envelope::Expiring(expiring) => {
            let (deadline, input) = *expiring;
            if ctx.runtime().elapsed() <= deadline {
                receive(actor, ctx, input, false);
            }
        }
        Envelope::Letter(letter) => {
            let opened = ctx.cell().doors().map(|doors: &Doors<A>| doors.open(*letter));
            if let Some(Ok(envelope)) = opened {
                user(actor, ctx, envelope, input);
            }
        }
        Envelope::Traced(traced) => {
            let (part, envelope) = *traced;
            let _inside = span::enter(part);
            user(actor, ctx, envelope, input);
        }
        Envelope::Terminate => ctx.stop_because(Reason::Terminated),
    }
}

/// An input comes: one flag is looked at, and there is nobody who would hold it back.
#[inline]
fn receive<A: Process>(actor: &mut A, ctx: &mut Context<A>, input: A::Input, timer: bool) {
    if !ctx.runtime().filters().is_active() {
        return handle(actor, ctx, input);
    }
    if let Some(input) = testing::input(ctx, input, timer) {
        handle(actor, ctx, input);
    }
}

#[inline]
fn handle<A: Process>(actor: &mut A, ctx: &mut Context<A>, input: A::Input) {
    let label = A::label(&input);
    ctx.begin(label);
    let _around = span::around(ctx.runtime(), ctx.upid(), label);
    let response = <A as Handler<A::Input>>::handle(actor, input, ctx);
    response.handle(ctx, None);
}
