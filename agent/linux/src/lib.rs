//! What the agent asks of the kernel that no safe library asks for it, each call wrapped so that its callers
//! need no `unsafe`.
//!
//! Read in this order:
//! 1. [`pidfd`]: a process that is never mistaken for another;
//! 2. [`process`]: when a process began, on which boot, what it and its descendants use;
//! 3. [`program`]: an executable sealed in memory, started without forking a threaded process;
//! 4. [`child`]: what only a single-threaded supervisor may do: split, adopt, wait, exec;
//! 5. [`packet`]: sockets that keep the borders of messages; [`poll`]: waiting for several; [`terminal`]: terminals
//!    made here; [`lock`]: who holds a container;
//! 6. [`cgroup`]: ending all who are in a control group; [`alarm`]: hearing that memory ran out in one; [`pressure`]: how
//!    often it nearly did; [`devices`]: which devices they may use;
//! 7. [`mounts`], [`rights`]: what a task sees, and what it may do;
//! 8. [`beneath`]: opening files that cannot lie outside a directory; [`exact`]: making them as an archive says; [`root`]:
//!    names as they are seen from inside; [`sandbox`], [`disk`], [`quota`], [`sockets`], [`user`]: a task's own directory, how full
//!    its disk is, how much of it a directory may take, who listens, who a name is.
//!
//! Left out on purpose: nothing here knows a container, an agent or a runtime; errors are `io::Error` and types of
//! other libraries do not cross the border.

pub mod alarm;
pub mod beneath;
pub mod cgroup;
pub mod child;
pub mod devices;
pub mod disk;
pub mod exact;
pub mod lock;
pub mod mounts;
pub mod packet;
pub mod pidfd;
pub mod poll;
pub mod pressure;
pub mod process;
pub mod program;
pub mod quota;
pub mod rights;
pub mod root;
pub mod sandbox;
pub mod sockets;
pub mod terminal;
pub mod tree;
pub mod user;
