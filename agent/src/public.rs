//! What HTTP handlers share with the agent: its last published state, and ways to ask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use libprocess::http::Request;
use model::ContainerId;
use security::Rights;

use crate::containerizer::Usage;
use crate::host::Containers;
use crate::http::StreamNo;
use crate::state::State;

/// Shared by the shell, which publishes, and all who only read.
pub(crate) struct Public {
    state: ArcSwap<State>,
    streams: AtomicU64,
    containers: OnceLock<Arc<dyn Containers>>,
}

impl Public {
    pub(crate) fn new(state: State) -> Arc<Self> {
        let state = ArcSwap::from_pointee(state);
        Arc::new(Self { state, streams: AtomicU64::new(1), containers: OnceLock::new() })
    }

    /// The state after some turn; whoever was answered by the agent sees at least what it was told.
    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// What whoever sends this may do.
    pub(crate) fn rights(&self, request: &Request) -> Rights {
        self.state().settings.policy.rights(request.principal.as_ref())
    }

    pub(crate) fn publish(&self, state: State) {
        self.state.store(Arc::new(state));
    }

    /// A number no other stream has.
    pub(crate) fn next_stream(&self) -> StreamNo {
        StreamNo(self.streams.fetch_add(1, Ordering::Relaxed))
    }

    /// Names what makes containers, once.
    pub(crate) fn set_containers(&self, containers: Arc<dyn Containers>) {
        let _ = self.containers.set(containers);
    }

    pub(crate) fn containers(&self) -> Option<&Arc<dyn Containers>> {
        self.containers.get()
    }

    /// What running containers use; nothing if that cannot be found out.
    pub(crate) async fn usage(&self) -> BTreeMap<ContainerId, Usage> {
        match self.containers() {
            Some(containers) => containers.usage().await,
            None => BTreeMap::new(),
        }
    }
}
