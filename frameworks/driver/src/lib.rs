//! The scheduler SDK: a scheduler is an actor with a handful of handlers; everything else is done for it.
//!
//! Connecting, following the leading master, coming back after a break with the same framework id,
//! acknowledging updates and reconciling what may have been missed are the driver's. What is left is
//! [`Scheduler`]: what to do with offers, and what to make of the news.
//!
//! ```no_run
//! use driver::{Calls, Config, Scheduler};
//! use model::{FrameworkInfo, Offer, TaskStatus};
//!
//! /// Refuses everything, politely.
//! struct Modest;
//!
//! impl Scheduler for Modest {
//!     fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>) {
//!         calls.decline(offers.into_iter().map(|offer| offer.id), Default::default());
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = libprocess::Runtime::start(libprocess::Config { listen: None, ..Default::default() })?;
//! let framework = FrameworkInfo::new("modest", "root");
//! let driver = driver::spawn(&runtime, Config::new(["127.0.0.1:5050"], framework), || Modest)?;
//! runtime.block_on(driver.wait());
//! # Ok(())
//! # }
//! ```
//!
//! Read in this order:
//! 1. [`Scheduler`] and [`Calls`]: what a scheduler hears, and what it may say;
//! 2. [`Config`]: which master, which framework;
//! 3. `actor`: the process around them; `masters` decides where to connect next, `stream` reads events, `running`
//!    knows which tasks are to be asked about.
//!
//! Nothing here is out of reach of an outside framework: it is the public v1 API, as any client sees it.

mod actor;
mod calls;
mod config;
mod masters;
mod running;
mod scheduler;
mod stream;

pub use actor::{Driver, Handle, spawn};
pub use calls::Calls;
pub use config::Config;
pub use scheduler::Scheduler;
