//! Where filters are asked: at a process' doors, before its handlers, and before its routes.

use futures_util::future::{BoxFuture, pending};
use tokio::sync::oneshot;

use super::filters::{Filters, Passing, Verdict, What};
use crate::doors::{Frame, Letter};
use crate::http::Request;
use crate::mailbox::{AnyCell, System};
use crate::{Context, Exit, Process, Runtime, SendError, Upid};

/// What a filter has let go; no filter is asked again.
pub(crate) enum Passed<A: Process> {
    Input(A::Input),
    Exit(Upid, Exit),
}

/// A message at the door of a process.
pub(crate) fn letter(runtime: &Runtime, cell: &dyn AnyCell, letter: Letter) -> Result<(), SendError> {
    let Letter::Frame(frame) = &letter else { return cell.take_letter(letter) };
    let what = What::Message { name: &frame.name, said: &frame.said };
    let to = cell.upid();
    match runtime.filters().judge(&Passing { to: Some(to), from: Some(&frame.from), what }) {
        Verdict::Pass => cell.take_letter(letter),
        Verdict::Twice => {
            // Nobody waits for the second.
            let copy = Frame {
                name: frame.name.clone(),
                from: frame.from.clone(),
                principal: frame.principal.clone(),
                said: frame.said.clone(),
                ask: None,
            };
            let first = cell.take_letter(letter);
            let _ = cell.take_letter(Letter::Frame(Box::new(copy)));
            first
        }
        verdict => {
            let (node, receiver) = (runtime.clone(), to.clone());
            let go = move || {
                if let Some(cell) = node.find(receiver.id(), receiver.epoch()) {
                    let _ = cell.take_letter(letter);
                }
            };
            runtime.filters().apply(runtime, verdict, to, Box::new(go));
            Ok(())
        }
    }
}

/// An input before it is handled; comes back if it is to be handled now.
pub(crate) fn input<A: Process>(ctx: &Context<A>, input: A::Input, timer: bool) -> Option<A::Input> {
    let what = What::Input { input: &input, timer };
    match judge(ctx, None, what) {
        Verdict::Pass | Verdict::Twice => Some(input),
        verdict => {
            hold(ctx, verdict, Passed::Input(input));
            None
        }
    }
}

/// Word of an end before it is told; comes back if it is to be told now.
pub(crate) fn exit<A: Process>(ctx: &Context<A>, peer: Upid, exit: Exit) -> Option<(Upid, Exit)> {
    match judge(ctx, Some(&peer), What::Exit(&exit)) {
        Verdict::Pass | Verdict::Twice => Some((peer, exit)),
        verdict => {
            hold(ctx, verdict, Passed::Exit(peer, exit));
            None
        }
    }
}

fn judge<A: Process>(ctx: &Context<A>, from: Option<&Upid>, what: What<'_>) -> Verdict {
    ctx.runtime().filters().judge(&Passing { to: Some(ctx.upid()), from, what })
}

fn hold<A: Process>(ctx: &Context<A>, verdict: Verdict, passed: Passed<A>) {
    let cell = ctx.pid().cell.clone();
    let go = move || cell.push_system(System::Passed(Box::new(passed)));
    ctx.runtime().filters().apply(ctx.runtime(), verdict, ctx.upid(), Box::new(go));
}

impl Filters {
    /// What a request has to wait for before it reaches its route, if for anything.
    pub(crate) fn request(&self, request: &Request) -> Option<BoxFuture<'static, ()>> {
        if !self.is_active() {
            return None;
        }
        match self.judge(&Passing { to: None, from: None, what: What::Request(request) }) {
            Verdict::Pass | Verdict::Twice => None,
            Verdict::Drop => Some(Box::pin(pending())),
            Verdict::Delay(time) => Some(self.clock().sleep(time)),
            Verdict::Gather(gather) => {
                let (sender, going) = oneshot::channel();
                let nobody = Upid::new("", ([0, 0, 0, 0], 0).into());
                gather.add(
                    &nobody,
                    Box::new(move || {
                        // Who asked may have left.
                        let _ = sender.send(());
                    }),
                );
                Some(Box::pin(async move { drop(going.await) }))
            }
        }
    }
}
