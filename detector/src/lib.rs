//! Where the masters are: finding the one that leads, and being found in ZooKeeper.
//!
//! Agents, schedulers and tools are told one text, and mean the same by it:
//!
//! | text | who is asked |
//! |---|---|
//! | `a:5050,b:5050` | each in turn, until one leads or says who does; names are looked up again and again |
//! | `file:///path` | what the file says, which is read again and again |
//! | `zk://[user:password@]host:port,…/path` | whoever owns the first node below the path, as ever it changes |
//!
//! Read in this order:
//! 1. [`Masters`]: what such a text says;
//! 2. [`Detector`]: who is to be asked now, and each time that changes;
//! 3. [`announce`]: how a leader is found in ZooKeeper by those who look there;
//! 4. `zookeeper`: its protocol, as far as these two need it.
//!
//! Left out on purpose: ZooKeeper elects nobody here. Who leads is the replicated log's to say; what is written in
//! ZooKeeper follows from it, and a cluster that loses its ZooKeeper goes on as before.

mod announce;
mod detect;
mod masters;
mod names;
mod zookeeper;

pub use announce::{Announcer, Stand, announce};
pub use detect::{Detector, Found};
pub use masters::{Masters, ParseError};
pub use zookeeper::Ensemble;
