//! Resources: what agents have, offers hold and tasks use.
//!
//! Read in this order:
//! 1. [`Value`], [`Reservation`], [`Disk`]: what one resource is made of;
//! 2. [`Resource`]: one of them, and when two are the same kind of thing;
//! 3. [`Resources`]: a bag of them, with its arithmetic; `bulk` where they are many;
//! 4. [`Quantities`]: the bag reduced to numbers, for shares and quota;
//! 5. `parse`, `print`: `cpus:8;mem(role):1024;ports:[1-2]`.
//!
//! Source: Mesos resource model.

mod arithmetic;
mod bag;
mod bulk;
mod check;
mod convert;
mod disk;
mod parse;
mod piece;
mod print;
mod quantities;
mod reservation;
mod select;
mod value;

pub use bag::Resources;
pub use check::{ResourceError, ResourceFault};
pub use convert::ConversionError;
pub use disk::{Disk, DiskKind, DiskSource, Persistence};
pub use parse::ParseError;
pub use piece::Resource;
pub use quantities::Quantities;
pub use reservation::{Reservation, ReservationKind};
pub use value::Value;
