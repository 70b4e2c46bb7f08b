//! Which allocator a master runs.

use std::fmt;
use std::sync::Arc;

use super::Allocator;
use super::hierarchical::{self, Hierarchical};

/// Makes the allocator of each reign. The default is the built-in one, whose order its settings name.
/// `examples/src/bin/custom_allocator.rs` hands another to a master.
#[derive(Clone)]
pub struct Policy {
    name: &'static str,
    make: Arc<Make>,
}

type Make = dyn Fn(&hierarchical::Settings) -> Box<dyn Allocator> + Send + Sync;

impl Policy {
    /// Another policy than those that come with a master. `make` is told what flags say, to use as it likes.
    pub fn new(
        name: &'static str,
        make: impl Fn(&hierarchical::Settings) -> Box<dyn Allocator> + Send + Sync + 'static,
    ) -> Policy {
        Policy { name, make: Arc::new(make) }
    }

    /// One that knows nobody yet.
    pub(crate) fn make(&self, settings: &hierarchical::Settings) -> Box<dyn Allocator> {
        (self.make)(settings)
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::new("hierarchical", |settings| Box::new(Hierarchical::new(settings.clone())))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
