//! What a container may use, as amounts.

use model::Limit;

use crate::containerizer::ContainerConfig;

/// The least memory any container gets. Unit: bytes. Source: Mesos, cgroups/mem.
const MEMORY_MIN: u64 = 32 << 20;

/// What a container may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Unit: thousandths of a core.
    pub cpus: u64,
    /// Whether any of them may be taken back.
    pub revocable: bool,
    pub cpus_limit: Option<Bound>,
    /// Unit: bytes; zero if nothing was said of memory.
    pub memory: u64,
    pub memory_limit: Option<Bound>,
}

/// An upper bound that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    At(u64),
    Infinite,
}

impl Share {
    /// Of a container's resources and limits.
    pub(crate) fn of(config: &ContainerConfig) -> Self {
        let thousandths = |amount: model::Scalar| amount.thousandths().max(0) as u64;
        // Mebibytes, exact to a thousandth.
        let bytes = |amount: model::Scalar| (u128::from(thousandths(amount)) * (1 << 20) / 1000) as u64;
        let bound = |name: &str, unit: &dyn Fn(model::Scalar) -> u64| {
            config.limits.get(name).map(|limit| match limit {
                Limit::Finite(amount) => Bound::At(unit(*amount)),
                Limit::Infinite => Bound::Infinite,
            })
        };
        let named = |name: &str| config.resources.iter().any(|resource| &*resource.name == name);
        Self {
            cpus: thousandths(config.resources.cpus()),
            revocable: !config.resources.revocable().named("cpus").is_empty(),
            cpus_limit: bound("cpus", &thousandths),
            memory: if named("mem") { bytes(config.resources.mem()).max(MEMORY_MIN) } else { 0 },
            memory_limit: bound("mem", &|amount| bytes(amount).max(MEMORY_MIN)),
        }
    }

    /// What must not be exceeded; `None` is no limit.
    pub(crate) fn memory_max(&self) -> Option<u64> {
        match self.memory_limit {
            Some(Bound::At(bytes)) => Some(bytes.max(self.memory)),
            Some(Bound::Infinite) => None,
            None => Some(self.memory).filter(|bytes| *bytes > 0),
        }
    }
}
