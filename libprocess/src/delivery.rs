//! What is promised of messages, questions and links, and nothing else. No code.
//!
//! A *pair* is a sender and a receiver, each one life of a process. A *connection* is what a node dialled to
//! another to speak over; while it lasts is its *epoch*. Two nodes have one connection each way.
//!
//! # Messages
//!
//! 1. **At most once.** A message is handled once or not at all. Nothing is ever sent again by the runtime: not
//!    when a connection breaks, not when the next one is up. Who needs it to arrive asks, and asks again.
//! 2. **In order.** Of what one process sends to another while one connection lasts, what arrives does so in the
//!    order of sending, whether sent by [`Context::send`](crate::Context::send), asked or answered. There is no
//!    order between different senders, or different receivers.
//! 3. **All, if nothing breaks.** While the connection lasts and the receiver lives and has room, nothing is
//!    lost. On one node, nothing is lost at all.
//! 4. **Losses are said.** Sending says what it knows at once: [`SendError`](crate::SendError), in which case the
//!    message was not and will not be delivered. What was queued when a connection breaks is counted
//!    (`libprocess/links/frames_lost`), and told to all who linked or asked over it.
//! 5. **To that life.** An address with an epoch reaches that life of the process, or nobody, however often its
//!    id is used again. An address without one reaches whoever bears the id when the message arrives.
//!
//! # Links
//!
//! [`Context::link`](crate::Context::link) leads to exactly one [`Process::exited`](crate::Process::exited),
//! unless the linker unlinks or ends first. Linking again before that changes nothing; after it, it is a new link.
//!
//! | heard | means | and never |
//! |---|---|---|
//! | [`Exit::Ended`](crate::Exit::Ended) with a reason | it lived when the link reached it, and ended for that reason | of a process that lives |
//! | [`Exit::NoSuchProcess`](crate::Exit::NoSuchProcess) | nobody bore that id, or another life of it, when the link arrived | late: it is answered at once |
//! | [`Exit::LinkBroken`](crate::Exit::LinkBroken) | the connection broke, or could not be made; it may live | on one node |
//!
//! A silent peer is a broken connection after 15 seconds. A link does not come back with the connection: who
//! wants to hear more links again. Everything sent before the link was known is ordered before it.
//!
//! # Questions
//!
//! [`Context::ask`](crate::Context::ask) is answered exactly once, unless whoever asks ends first:
//!
//! | answer | means |
//! |---|---|
//! | `Ok` | it was handled and answered, once |
//! | [`AskError::NoSuchProcess`](crate::AskError::NoSuchProcess) | it was not handled: nobody was there |
//! | [`AskError::Terminated`](crate::AskError::Terminated) | the process ended before it answered; it may have been handled |
//! | [`AskError::Rejected`](crate::AskError::Rejected) | no such door, no room, or it dropped the question |
//! | [`AskError::LinkBroken`](crate::AskError::LinkBroken) | the connection broke; it may have been handled |
//! | [`AskError::Timeout`](crate::AskError::Timeout) | nothing came in time; what has not begun by then is not handled |
//!
//! A peer that is gone is noticed at once, never by the timeout. An answer is lost only with the connection it
//! would take, and then the asker's own breaks too.
//!
//! # Proof
//!
//! `tests/delivery` lets random histories of sends, questions, links, ends, breaks, partitions, pauses, deaths of
//! nodes and new lives under old names run in a simulation, each twice with one trace, and over real sockets
//! through gates that break; a judge that knows only this page reads what everybody saw.
