//! What every route that reads needs.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use libprocess::Pid;
use libprocess::http::Request;
use security::Rights;

use crate::allocator::AllocatorActor;
use crate::authorization::visible;
use crate::config::Config;
use crate::state::{Published, Snapshot};

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

impl Readers {
    /// What whoever sends this may do.
    pub(crate) fn rights(&self, request: &Request) -> Rights {
        self.config.access.policy.rights(request.principal.as_ref())
    }

    /// What they see of the newest snapshot.
    pub(crate) fn seen(&self, rights: &Rights) -> Arc<Snapshot> {
        visible(&self.published.load_full(), rights)
    }
}
