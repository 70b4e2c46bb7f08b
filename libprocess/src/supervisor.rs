//! The shell of a [`Group`]: spawns its members, hears of their ends, and begins them again.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Handler, Message};
use rand::RngExt;

use crate::mailbox::AnyCell;
use crate::supervision::{Group, History, Verdict};
use crate::{Context, Exit, Pid, Process, Reason, Runtime, Spawn, SpawnError, Timer, Upid};

/// The process that keeps a group alive. When it ends, so do the members, the last first.
///
/// A group that gives up is a panic of its supervisor: whoever supervises that, or links it, or
/// spawned it with [`OnPanic::Escalate`](crate::OnPanic::Escalate), goes on from there.
pub struct Supervisor {
    group: Group,
    lives: Vec<Life>,
    history: History,
    /// Members still to be ended before the others begin again.
    to_end: Vec<usize>,
    /// When those that wait begin again. Unit: time since the runtime started.
    due: Duration,
    timer: Option<Timer>,
}

/// | from      | on                         | to         |
/// |-----------|----------------------------|------------|
/// | `Waiting` | its time has come          | `Alive`    |
/// | `Alive`   | panics, or is ended by us  | `Waiting`  |
/// | `Alive`   | ends by itself             | `Gone`     |
enum Life {
    /// Not begun yet, or to be begun again.
    Waiting,
    Alive(Arc<dyn AnyCell>),
    /// Ended as it should have.
    Gone,
}

/// Those that wait may begin.
pub struct Begin(());

impl Message for Begin {
    type Result = ();
}

impl Runtime {
    /// Spawns the members of a group, in order, beneath a supervisor that begins them again when
    /// they panic.
    ///
    /// Errors: when the supervisor's name is taken, or the runtime is shut down. A member that
    /// cannot be spawned is retried as if it had panicked.
    pub fn supervise(&self, spawn: Spawn, group: Group) -> Result<Pid<Supervisor>, SpawnError> {
        self.spawn(spawn, move || Supervisor::new(group))
    }
}

impl Supervisor {
    /// For a group within a group: `outer.member(spawn, || Supervisor::new(inner()))`.
    pub fn new(group: Group) -> Supervisor {
        let lives = group.members.iter().map(|_| Life::Waiting).collect();
        Supervisor {
            group,
            lives,
            history: History::default(),
            to_end: Vec::new(),
            due: Duration::ZERO,
            timer: None,
        }
    }

    fn begin(&mut self, ctx: &mut Context<Self>) {
        self.timer = None;
        for member in 0..self.lives.len() {
            if !matches!(self.lives[member], Life::Waiting) {
                continue;
            }
            match (self.group.members[member])(ctx.runtime()) {
                Ok(cell) => {
                    ctx.link_cell(&cell);
                    self.lives[member] = Life::Alive(cell);
                }
                Err(SpawnError::ShutDown) => return,
                Err(error) => {
                    tracing::warn!(supervisor = %ctx.upid(), member, %error, "member not spawned");
                    let reason = error.to_string();
                    return self.failed(member, &reason, ctx);
                }
            }
        }
    }

    /// A member panicked, or did not come to life.
    fn failed(&mut self, member: usize, why: &str, ctx: &mut Context<Self>) {
        let (now, chance) = (ctx.runtime().elapsed(), ctx.rng().random());
        let (strategy, restart) = (self.group.strategy, self.group.restart);
        match self.history.failed(strategy, &restart, (member, self.lives.len()), now, chance) {
            Verdict::GiveUp => {
                let (max, within) = (restart.max, restart.within);
                ctx.stop_because(Reason::Panicked {
                    message: format!("gave up on its group after {max} restarts within {within:?}: {why}"),
                    input: "the end of a member".to_owned(),
                    backtrace: String::new(),
                });
            }
            Verdict::Again { end, delay } => {
                self.lives[member] = Life::Waiting;
                // Ended from the back: the last is on top of the stack.
                self.to_end.extend(end.into_iter().rev());
                self.to_end.sort_unstable();
                self.to_end.dedup();
                self.due = self.due.max(now.saturating_add(delay));
                self.end_next(ctx);
            }
        }
    }

    /// Ends the next of those that go down with another, or lets those that wait begin in time.
    fn end_next(&mut self, ctx: &mut Context<Self>) {
        while let Some(&member) = self.to_end.last() {
            if let Life::Alive(cell) = &self.lives[member] {
                return cell.end(Reason::Terminated);
            }
            self.to_end.pop();
        }
        if let Some(timer) = self.timer.take() {
            ctx.cancel(timer);
        }
        let delay = self.due.saturating_sub(ctx.runtime().elapsed());
        self.timer = Some(ctx.after(delay, Begin(())));
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.begin(ctx);
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        for life in self.lives.iter().rev() {
            if let Life::Alive(cell) = life {
                cell.end(Reason::Terminated);
            }
        }
    }
}

impl Process for Supervisor {
    const KIND: &'static str = "supervisor";
    type Input = Begin;

    fn exited(&mut self, peer: &Upid, exit: Exit, ctx: &mut Context<Self>) {
        let of = |life: &Life| matches!(life, Life::Alive(cell) if cell.upid() == peer);
        let Some(member) = self.lives.iter().position(of) else { return };
        match exit {
            Exit::Ended(reason @ Reason::Panicked { .. }) => {
                tracing::warn!(supervisor = %ctx.upid(), member = %peer, %reason, "member panicked");
                self.failed(member, &format!("{peer} {reason}"), ctx);
            }
            _ if self.to_end.last() == Some(&member) => {
                self.lives[member] = Life::Waiting;
                self.end_next(ctx);
            }
            _ => self.lives[member] = Life::Gone,
        }
    }
}

impl Handler<Begin> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Begin, ctx: &mut Context<Self>) {
        self.begin(ctx);
    }
}
