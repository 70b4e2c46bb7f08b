//! What HTTP handlers share with the agent: its last published state, and ways to ask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use libprocess::Pid;
use model::ContainerId;

use crate::containerizer::{Containerizer, Input, Usage};
use crate::http::StreamNo;
use crate::state::State;

/// How long the containerizer may take to say what containers use.
const USAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Shared by the shell, which publishes, and all who only read.
#[derive(Debug)]
pub(crate) struct Public {
    state: ArcSwap<State>,
    streams: AtomicU64,
    containerizer: OnceLock<Pid<Containerizer>>,
}

impl Public {
    pub(crate) fn new(state: State) -> Arc<Self> {
        let state = ArcSwap::from_pointee(state);
        Arc::new(Self { state, streams: AtomicU64::new(1), containerizer: OnceLock::new() })
    }

    /// The state after some turn; whoever was answered by the agent sees at least what it was told.
    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    pub(crate) fn publish(&self, state: State) {
        self.state.store(Arc::new(state));
    }

    /// A number no other stream has.
    pub(crate) fn next_stream(&self) -> StreamNo {
        StreamNo(self.streams.fetch_add(1, Ordering::Relaxed))
    }

    /// Names the containerizer, once.
    pub(crate) fn set_containerizer(&self, containerizer: Pid<Containerizer>) {
        let _ = self.containerizer.set(containerizer);
    }

    pub(crate) fn containerizer(&self) -> Option<&Pid<Containerizer>> {
        self.containerizer.get()
    }

    /// What running containers use; nothing if the containerizer does not answer.
    pub(crate) async fn usage(&self) -> BTreeMap<ContainerId, Usage> {
        let Some(containerizer) = self.containerizer() else { return BTreeMap::new() };
        containerizer.call(USAGE_TIMEOUT, |reply| Input::Usage { reply }).await.unwrap_or_default()
    }
}
