//! Parts that others bring: actors behind a name, compiled in or in a program of their own.
//!
//! Whoever uses one holds an [`Upid`](crate::Upid) and asks questions by their wire names, so it does
//! not see which of the two it is.
//!
//! | a part that is | comes by | costs |
//! |---|---|---|
//! | compiled in | [`Modules`]: one `fn register(&mut Modules)` per crate, called by the binary | a message |
//! | its own program | [`Plugins`]: joins over a loopback link, with a [`Token`] that names the slots it may fill | a frame; it can crash, and have any release cycle |
//!
//! ```text
//!   host                                             plugin, a program of its own
//!   Plugins ── issues a token for slots ──► launch ─► Invitation::from_env
//!      ▲                                                   │
//!      └── Join { token, slot } ◄──────────────────────────┘
//!      │   known? in time? this slot? free? loopback? the node that used it first?
//!      ├── Welcome; linked; the slot is filled
//!      └── the link breaks, or the process ends: the slot is empty, the token is worth nothing
//! ```
//!
//! An example of the first is with [`Modules`]; of the second, both programs of it, in `tests/plugin.rs`.

mod grants;
mod host;
mod join;
mod launch;
mod modules;

pub use grants::{Refused, Token};
pub use host::{Input, IssueError, Plugins, issue};
pub use join::{Invitation, InvitationError, Join, JoinError, Joined};
pub use launch::{LaunchError, launch};
pub use modules::{Module, ModuleError, Modules, Parameters};
