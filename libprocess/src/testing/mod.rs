//! Tools of tests: what is about to be delivered can be seen, held back, lost, doubled or forbidden; a
//! mock takes a real name; time stands still until it is moved; nothing lives on by mistake.
//!
//! Of one [`Runtime`], so tests run side by side. Works under [`sim`](crate::sim) and on threads.
//!
//! ```
//! use libprocess::{Actor, Config, Context, Doors, Handler, Message, Process, Received, Runtime, Spawn};
//! use libprocess_wire as wire;
//!
//! #[wire::message(name = "field.sown", version = 1)]
//! struct Sown { hectares: u64 }
//!
//! struct Field;
//! enum Input { Sown(Received<Sown>) }
//! impl From<Received<Sown>> for Input { fn from(sown: Received<Sown>) -> Input { Input::Sown(sown) } }
//! impl Message for Input { type Result = (); }
//! impl Actor for Field { type Context = Context<Self>; }
//! impl Process for Field {
//!     const KIND: &'static str = "field";
//!     type Input = Input;
//!     fn doors(&self, doors: &mut Doors<Self>) { doors.message::<Sown>(); }
//! }
//! impl Handler<Input> for Field {
//!     type Result = ();
//!     fn handle(&mut self, Input::Sown(_): Input, ctx: &mut Context<Self>) { ctx.stop() }
//! }
//!
//! let node = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() })?;
//! let testing = node.testing();
//! let field = node.spawn(Spawn::named("north"), || Field)?;
//! let lost = testing.when::<Sown>().to(&field).drop_once();
//! node.send(field.upid(), Sown { hectares: 2 })?;
//! assert_eq!(node.block_on(lost.taken()).hectares, 2);
//! assert!(field.is_alive(), "it never heard of it");
//! node.send(field.upid(), Sown { hectares: 3 })?;
//! node.block_on(field.wait());
//! node.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Read in this order: [`Testing`] says what can be caught; [`When`] what is done with it; [`Seen`] hands
//! out what was caught; `filters` is what a runtime keeps and asks, `sites` where it asks. With no filter
//! installed that is one relaxed load for each message, and without the feature `testing` nothing.

mod filters;
mod sites;
mod stand_in;
mod time;
mod when;

pub(crate) use filters::Filters;
pub(crate) use sites::{Passed, exit, input, letter};
pub(crate) use time::{Hand, Work};

use std::any::Any;

use ::http::Method;
use bytes::Bytes;
use libprocess_wire as wire;

pub use stand_in::StandIn;
pub use when::{Seen, When, Who};

use crate::http::Body;
use crate::{Exit, Process, Runtime};
use filters::What;

/// The tools, of one runtime; [`Runtime::testing`] gives them.
///
/// From then on the runtime must not shut down while processes live, unless
/// [`Testing::may_leave_processes`] was said: that panics with their names.
#[derive(Clone, Debug)]
pub struct Testing {
    runtime: Runtime,
}

/// A request as a filter sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    pub method: Method,
    /// Decoded, without the query.
    pub path: String,
    /// What is there of it; nothing of a body that still arrives.
    pub body: Bytes,
}

impl Runtime {
    /// The tools of tests.
    pub fn testing(&self) -> Testing {
        self.filters().be_strict();
        Testing { runtime: self.clone() }
    }
}

impl Testing {
    /// Messages and questions `M` that are about to go through a door, from here or from elsewhere.
    ///
    /// A question that is dropped is lost: whoever asked hears nothing until its time is over.
    pub fn when<M: wire::Message>(&self) -> When<M> {
        When::new(&self.runtime, |what| match what {
            What::Message { name, said } if *name == M::NAME => {
                said.iter().find_map(|(version, body)| wire::decode_version::<M>(*version, body)?.ok())
            }
            _ => None,
        })
        .copied()
    }

    /// Inputs of processes `A`, wherever they come from: told by type, through a door, answers, results
    /// of tasks. `pick` says which are meant, and what is kept of one.
    pub fn when_input<A: Process, T: Send + 'static>(
        &self,
        pick: impl Fn(&A::Input) -> Option<T> + Send + Sync + 'static,
    ) -> When<T> {
        When::new(&self.runtime, move |what| match what {
            What::Input { input, .. } => <dyn Any>::downcast_ref(*input).and_then(&pick),
            _ => None,
        })
    }

    /// Inputs that timers of processes `A` bring: [`Context::after`](crate::Context::after) and `every`.
    pub fn when_timer<A: Process, T: Send + 'static>(
        &self,
        pick: impl Fn(&A::Input) -> Option<T> + Send + Sync + 'static,
    ) -> When<T> {
        When::new(&self.runtime, move |what| match what {
            What::Input { input, timer: true } => <dyn Any>::downcast_ref(*input).and_then(&pick),
            _ => None,
        })
    }

    /// Words of the end of linked processes: `from` whom, `to` which linker.
    pub fn when_exit(&self) -> When<Exit> {
        When::new(&self.runtime, |what| match what {
            What::Exit(exit) => Some(Exit::clone(exit)),
            _ => None,
        })
    }

    /// HTTP requests that arrive for a path, as `/master/state`; all of them for an empty one.
    ///
    /// One that is dropped is never answered.
    pub fn when_request(&self, path: &str) -> When<Requested> {
        let path = path.to_owned();
        When::new(&self.runtime, move |what| match what {
            What::Request(request) if path.is_empty() || request.path == path => Some(Requested {
                method: request.method.clone(),
                path: request.path.clone(),
                body: match &request.body {
                    Body::Bytes(bytes) => bytes.clone(),
                    _ => Bytes::new(),
                },
            }),
            _ => None,
        })
    }

    /// Allows the runtime to shut down while processes live.
    pub fn may_leave_processes(&self) {
        self.runtime.filters().be_lenient();
    }
}
