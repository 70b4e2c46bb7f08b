//! What the agent and `hectare-launch` say to each other: the description of a launch, the control protocol, the
//! record of an end. Both sides may be of different versions, since a supervisor outlives its agent.
//!
//! ```text
//! agent ── spawn, lock, spec, channel ──► supervise ── split ──► task, waiting at the gate
//!   │ ◄──────────── Held ─────────────────────┤
//!   │ ───────────── Go ─────────────────────► │ ── "go" ──► exec
//!   │ ◄──────────── Running ──────────────────┤
//!   │        … the agent may stop and return by `control` …
//!   │ ◄──────────── Ended ────────────────────┤
//!   │ ── Forget: it is in our journal ──────► │ ── else: status record, synced ──► gone, lock released
//! ```
//!
//! Read in this order:
//! 1. [`spec`]: what is to be launched; [`isolation`]: what sets it apart;
//! 2. [`nursery`]: how a supervisor comes to be;
//! 3. [`control`]: what is said while it runs;
//! 4. [`status`]: what is left behind when it ended;
//! 5. [`sealed`]: how each of these survives a crash and a change of version;
//! 6. [`runtime_files`]: what lies in a container's runtime directory;
//! 7. `unpack` (in the binary): opening archives so that nothing can leave the directory.
//!
//! Left out on purpose: no tokio and no agent; a supervisor is one plain thread.

pub mod control;
pub mod isolation;
pub mod nursery;
pub mod runtime_files;
pub mod sealed;
pub mod spec;
pub mod status;

pub use control::{ATTACHES, Identity, PIECE_MAX, PROTOCOL, Report, Request, Welcome};
pub use isolation::Isolation;
pub use spec::{Credentials, KeptStdio, LaunchSpec, Rotation, Window};
pub use status::{Outcome, StatusRecord};
