//! What every route that reads needs.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use libprocess::Pid;

use crate::allocator::AllocatorActor;
use crate::config::Config;
use crate::state::Published;

/// Shared by the routes of one master.
pub(crate) struct Readers {
    /// The newest snapshot.
    pub(crate) published: Published,
    /// How the master was started.
    pub(crate) config: Arc<Config>,
    /// `master@ip:port`.
    pub(crate) pid: String,
    /// Who decides what is offered, once it has started; for those who ask why.
    pub(crate) allocator: Arc<ArcSwapOption<Pid<AllocatorActor>>>,
}
