//! What running containers use: read when somebody asks, and shown among the metrics as it was last read.
//!
//! Metrics never wait for anybody. Whoever looks at them is shown what was read before, and has it read anew for the next look.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_launch::Identity;
use agent_linux::process::{ProcessId, Table};
use arc_swap::ArcSwap;
use libprocess::metrics::Sink;
use model::ContainerId;

use crate::containerizer::Usage;
use crate::isolators::Isolators;

/// What was last read. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Figures(Arc<Shared>);

#[derive(Default)]
struct Shared {
    latest: ArcSwap<BTreeMap<ContainerId, Usage>>,
    /// Somebody is about to read.
    wanted: AtomicBool,
}

impl Figures {
    /// Reads what these use, from the process table and the kernel's counters; blocks.
    pub(super) fn read(
        &self,
        running: Vec<(ContainerId, Identity)>,
        isolators: &Isolators,
    ) -> BTreeMap<ContainerId, Usage> {
        let table = if running.is_empty() { Table::default() } else { Table::read().unwrap_or_default() };
        let usage = running.into_iter().filter_map(|(id, identity)| {
            let supervisor = ProcessId { pid: identity.supervisor, started: identity.supervisor_started };
            let tree = table.usage_below(supervisor)?;
            let mut usage = Usage {
                processes: tree.processes,
                threads: tree.threads,
                user_seconds: tree.user_seconds,
                system_seconds: tree.system_seconds,
                resident_bytes: tree.resident_bytes,
                ..Usage::default()
            };
            isolators.usage(&id, &mut usage);
            Some((id, usage))
        });
        let usage: BTreeMap<ContainerId, Usage> = usage.collect();
        self.0.latest.store(Arc::new(usage.clone()));
        self.unwant();
        usage
    }

    /// Whether nobody is about to read yet; the caller is to, then.
    pub(super) fn want(&self) -> bool {
        !self.0.wanted.swap(true, Ordering::AcqRel)
    }

    pub(super) fn unwant(&self) {
        self.0.wanted.store(false, Ordering::Release);
    }

    pub(super) fn show(&self, sink: &mut Sink<'_>) {
        for (id, usage) in &**self.0.latest.load() {
            for (name, value) in figures(usage) {
                sink.gauge(format!("containers/{id}/{name}"), value);
            }
        }
    }
}

/// Names are those of `/monitor/statistics`.
fn figures(usage: &Usage) -> impl Iterator<Item = (&'static str, f64)> {
    let memory = usage.memory.as_ref();
    let bytes = |of: Option<u64>| of.map(|bytes| bytes as f64);
    let sometimes = [
        ("cpus_limit", usage.cpus_limit),
        ("mem_limit_bytes", bytes(memory.and_then(|memory| memory.limit))),
        ("mem_total_bytes", bytes(memory.map(|memory| memory.total))),
        ("disk_limit_bytes", bytes(usage.disk_limit_bytes)),
        ("disk_used_bytes", bytes(usage.disk_used_bytes)),
    ];
    let always = [
        ("processes", usage.processes as f64),
        ("threads", usage.threads as f64),
        ("cpus_user_time_secs", usage.user_seconds),
        ("cpus_system_time_secs", usage.system_seconds),
        ("mem_rss_bytes", usage.resident_bytes as f64),
    ];
    always.into_iter().chain(sometimes.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

#[cfg(test)]
mod tests {
    use libprocess::metrics::Metrics;

    use super::*;

    #[test]
    fn what_was_last_read_is_shown_by_container() {
        let figures = Figures::default();
        let usage = Usage { processes: 3, disk_used_bytes: Some(7), ..Usage::default() };
        figures.0.latest.store(Arc::new([(ContainerId::new("a").child("b"), usage)].into()));
        let (metrics, shown) = (Metrics::new(), figures.clone());
        metrics.provide(move |sink| shown.show(sink));
        let all = metrics.snapshot();
        assert_eq!(all.get("containers/a.b/processes"), Some(&3.0));
        assert_eq!(all.get("containers/a.b/disk_used_bytes"), Some(&7.0));
        assert_eq!(all.get("containers/a.b/disk_limit_bytes"), None, "nothing limits it");
        assert!(figures.want() && !figures.want(), "one reads for all who look meanwhile");
    }
}
