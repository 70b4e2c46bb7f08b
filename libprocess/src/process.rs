//! What a process is: an actor with a kind, one enum it receives, and doors to the outside.

use actix::{Actor, Handler, Message};

use crate::{Context, Doors, Exit, Upid};

/// An actor that this runtime runs.
///
/// ```
/// use libprocess::{Actor, Context, Handler, Message, Process};
///
/// struct Counter { count: u64 }
/// enum Input { Add(u64), Reset }
///
/// impl Message for Input { type Result = (); }
/// impl Actor for Counter { type Context = Context<Self>; }
/// impl Process for Counter {
///     const KIND: &'static str = "counter";
///     type Input = Input;
/// }
/// impl Handler<Input> for Counter {
///     type Result = ();
///     fn handle(&mut self, input: Input, _: &mut Context<Self>) {
///         match input {
///             Input::Add(n) => self.count += n,
///             Input::Reset => self.count = 0,
///         }
///     }
/// }
/// ```
///
/// Handlers are synchronous. What takes time leaves ([`Context::task`], [`Context::blocking`],
/// [`Context::ask`]) and comes back as an input. `started`, `stopping` and `stopped` are actix's.
pub trait Process: Actor<Context = Context<Self>> + Handler<Self::Input> {
    /// What it is: a label in metrics and logs.
    const KIND: &'static str;

    /// All that can arrive.
    type Input: Message<Result = ()> + Send + 'static;

    /// Opens what it hears from outside: messages and questions by name, HTTP routes.
    ///
    /// Called once, on its shard, after it was made and before `started`.
    fn doors(&self, doors: &mut Doors<Self>) {
        let _ = doors;
    }

    /// What an input holds beside its own size, for [`Bound::bytes`](crate::Bound::bytes).
    ///
    /// Unit: bytes. Called under a lock: no more than an addition or two.
    #[inline]
    fn weight(input: &Self::Input) -> usize {
        let _ = input;
        0
    }

    /// What an input is about, if a later one about the same may take its place in a mailbox that
    /// [coalesces](crate::Overflow::Coalesce). Called under a lock.
    fn key(input: &Self::Input) -> Option<u64> {
        let _ = input;
        None
    }

    /// What an input is called in listings, in spans, and when it takes too long: a name for each of
    /// its sorts, if the type's own says too little.
    fn label(input: &Self::Input) -> &'static str {
        let _ = input;
        std::any::type_name::<Self::Input>()
    }

    /// A linked process is gone, or out of reach; once per link.
    fn exited(&mut self, peer: &Upid, exit: Exit, ctx: &mut Context<Self>) {
        let _ = (peer, exit, ctx);
    }

    /// A turn is over, of one input or of several that had come together: what is to be done once for all of them. A turn ends soon
    /// after it began, so nothing is late for it. Called after exits and timers too; not after `started`.
    fn turned(&mut self, ctx: &mut Context<Self>) {
        let _ = ctx;
    }
}
