//! Where changes of the registry become durable: the seam for the replicated log.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use super::delta::Delta;
use super::registry::Registry;

/// Something a store was asked to do; runs on the registrar's own shard.
pub type Storing<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>>>>;

/// Keeps changes of the registry, in order.
///
/// The registrar has one request open at a time, so that a batch is committed wholly before the next is proposed.
pub trait Store: Send + 'static {
    /// The content as of the last committed change.
    fn load(&mut self) -> Storing<Registry>;

    /// Ends once the changes are as durable as this store makes anything. None of them is a no-op.
    fn append(&mut self, deltas: Vec<Arc<Delta>>) -> Storing<()>;
}

/// Why a store could not do it now. The registrar tries again; leading without a store is the lease's business.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too few replicas answered.
    #[error("no quorum: {0}")]
    NoQuorum(String),
    /// The disk or the network failed.
    #[error("store failed: {0}")]
    Failed(String),
}

impl Store for Box<dyn Store> {
    fn load(&mut self) -> Storing<Registry> {
        self.as_mut().load()
    }

    fn append(&mut self, deltas: Vec<Arc<Delta>>) -> Storing<()> {
        self.as_mut().append(deltas)
    }
}

/// `--registry=in_memory`: as durable as this process.
#[derive(Debug, Default)]
pub struct Memory;

impl Store for Memory {
    fn load(&mut self) -> Storing<Registry> {
        Box::pin(ready(Ok(Registry::default())))
    }

    fn append(&mut self, _deltas: Vec<Arc<Delta>>) -> Storing<()> {
        Box::pin(ready(Ok(())))
    }
}
