//! What a message is part of: a trace that crosses processes and nodes, and a span around each handling.
//!
//! ```text
//!  span "message" ── sends ──► frame, with 16 bytes of trace ──► span "message" of another node
//!   process, input, from, trace                                   the same trace; its cause is the sender's span
//! ```
//!
//! Spans are opened while somebody wants them: `libprocess::message=debug`. Within a node, a message that
//! belongs to a trace hands it on whether they are or not. To another node it does while that wants it
//! too: who was dialled says so in its greeting, and whenever it changes its mind. A message that
//! belongs to no trace, and all while nobody traces, cost one look at a flag.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::LocalBoxFuture;
use tracing::span::EnteredSpan;
use tracing::{Level, Span, field};

use crate::http::Request;
use crate::{Runtime, Upid};

/// The target of spans around messages and requests.
const TARGET: &str = "libprocess::message";

/// What travels with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) id: u64,
    /// The span it was sent in.
    pub(crate) cause: u64,
}

impl Trace {
    pub(crate) const LENGTH: usize = 16;

    pub(crate) fn to_bytes(self) -> [u8; Trace::LENGTH] {
        (u128::from(self.cause) << 64 | u128::from(self.id)).to_le_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; Trace::LENGTH]) -> Trace {
        let both = u128::from_le_bytes(bytes);
        Trace { id: both as u64, cause: (both >> 64) as u64 }
    }
}

/// Whether spans around messages are looked at here.
#[inline]
pub(crate) fn wanted() -> bool {
    tracing::enabled!(target: TARGET, Level::DEBUG)
}

/// A message's trace, and who sent it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) trace: Trace,
    pub(crate) from: Upid,
}

thread_local! {
    /// Whether there is a current part: looked at with every message sent.
    static TRACED: Cell<bool> = const { Cell::new(false) };
    static CURRENT: RefCell<Option<Part>> = const { RefCell::new(None) };
}

/// What is sent now is part of this.
#[inline]
pub(crate) fn current() -> Option<Part> {
    if !TRACED.get() {
        return None;
    }
    CURRENT.with_borrow(Clone::clone)
}

/// Makes everything part of `part` while the guard lives.
pub(crate) fn enter(part: Part) -> Inside {
    TRACED.set(true);
    Inside(CURRENT.replace(Some(part)))
}

/// While it lives, this thread works for one trace.
pub(crate) struct Inside(Option<Part>);

impl Drop for Inside {
    fn drop(&mut self) {
        TRACED.set(self.0.is_some());
        CURRENT.set(self.0.take());
    }
}

/// A span around the handling of one message; what is sent within is part of its trace.
pub(crate) struct Around {
    _inside: Inside,
    _span: EnteredSpan,
}

/// Opens a span around a message, if there is one to open or a trace to hand on.
#[inline]
pub(crate) fn around(runtime: &Runtime, process: &Upid, input: &'static str) -> Option<Around> {
    (TRACED.get() || wanted()).then(|| Around::open(runtime, process, input))
}

impl Around {
    #[cold]
    fn open(runtime: &Runtime, process: &Upid, input: &'static str) -> Around {
        let came = current();
        let span = tracing::debug_span!(
            target: TARGET,
            "message",
            process = process.id(),
            input,
            from = field::Empty,
            trace = field::Empty,
            cause = field::Empty
        );
        let mut trace = match &came {
            Some(part) => {
                span.record("from", field::display(&part.from));
                span.record("cause", part.trace.cause);
                part.trace
            }
            None => Trace { id: runtime.new_trace(), cause: 0 },
        };
        note(&span, &mut trace);
        Around { _inside: enter(Part { trace, from: process.clone() }), _span: span.entered() }
    }
}

/// Names the trace in the span, and the span as the cause of what follows.
fn note(span: &Span, trace: &mut Trace) {
    if let Some(id) = span.id() {
        span.record("trace", field::display(format_args!("{:016x}", trace.id)));
        trace.cause = id.into_u64();
    }
}

/// A request's handler with a span around it; what it sends is part of a trace that begins here.
pub(crate) fn around_request<F: Future + 'static>(
    runtime: &Runtime,
    process: &Upid,
    request: Request,
    handle: impl FnOnce(Request) -> F,
) -> LocalBoxFuture<'static, F::Output> {
    if !wanted() {
        return Box::pin(handle(request));
    }
    let (method, path) = (request.method.as_str(), request.path.as_str());
    let span = tracing::debug_span!(
        target: TARGET, "request", process = process.id(), method, path, trace = field::Empty
    );
    let mut trace = Trace { id: runtime.new_trace(), cause: 0 };
    note(&span, &mut trace);
    let part = Part { trace, from: process.clone() };
    let future = {
        let _inside = enter(part.clone());
        Box::pin(handle(request))
    };
    Box::pin(Handling { future, span, part })
}

/// A future that is polled within its span and trace.
struct Handling<F> {
    future: Pin<Box<F>>,
    span: Span,
    part: Part,
}

impl<F: Future> Future for Handling<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<F::Output> {
        let Handling { future, span, part } = &mut *self;
        let _span = span.enter();
        let _inside = enter(part.clone());
        future.as_mut().poll(poller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_travels_as_sixteen_bytes() {
        let trace = Trace { id: 0x0102_0304_0506_0708, cause: u64::MAX - 1 };
        assert_eq!(Trace::from_bytes(trace.to_bytes()), trace);
    }

    #[test]
    fn parts_nest_and_end() {
        let part =
            |id| Part { trace: Trace { id, cause: 0 }, from: "a@127.0.0.1:1".parse().expect("an address") };
        let id = || current().map(|part| part.trace.id);
        let outer = enter(part(1));
        {
            let _inner = enter(part(2));
            assert_eq!(id(), Some(2));
        }
        assert_eq!(id(), Some(1));
        drop(outer);
        assert_eq!(id(), None);
    }
}
