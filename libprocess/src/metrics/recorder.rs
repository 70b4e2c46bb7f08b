//! Where counts live while nobody looks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{Registry, Storage};
use parking_lot::RwLock;

use super::window::{PERCENTILES, Summary, Window};

/// The metrics of one runtime. Cheap to clone; clones share the counts.
///
/// Handles are taken once, at the start of a process: counting then looks nothing up.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry<Key, Windows>,
    providers: RwLock<Vec<(u64, Provide)>>,
    /// How many providers there have been.
    provided: AtomicU64,
}

type Provide = Box<dyn Fn(&mut Sink) + Send + Sync>;

/// Figures that are shown for as long as this is kept.
#[must_use = "the figures go when this does"]
pub struct Provider {
    inner: Weak<Inner>,
    number: u64,
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.providers.write().retain(|(number, _)| *number != self.number);
        }
    }
}

/// Takes the figures of a provider.
pub struct Sink<'a> {
    figures: &'a mut BTreeMap<String, f64>,
}

/// Atomics for counters and gauges, a window of samples for timers.
struct Windows;

impl Storage<Key> for Windows {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Window>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, _: &Key) -> Self::Histogram {
        Arc::default()
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Metrics {
        let registry = Registry::new(Windows);
        let inner = Inner { registry, providers: RwLock::default(), provided: AtomicU64::new(0) };
        Metrics { inner: Arc::new(inner) }
    }

    /// What only grows.
    pub fn counter(&self, name: impl Into<String>) -> Counter {
        self.register_counter(&Key::from_name(name.into()), &METADATA)
    }

    /// What goes up and down.
    pub fn gauge(&self, name: impl Into<String>) -> Gauge {
        self.register_gauge(&Key::from_name(name.into()), &METADATA)
    }

    /// How long something takes; shown as `<name>_ms`.
    ///
    /// Unit: record milliseconds.
    pub fn timer(&self, name: impl Into<String>) -> Histogram {
        self.register_histogram(&Key::from_name(format!("{}_ms", name.into())), &METADATA)
    }

    /// Adds figures that are worked out when somebody looks. `figures` must not block: it reads
    /// published values.
    pub fn provide(&self, figures: impl Fn(&mut Sink) + Send + Sync + 'static) {
        self.add(Box::new(figures));
    }

    /// The same, for as long as what is given back is kept: a part that begins again adds its figures again.
    pub fn provide_while(&self, figures: impl Fn(&mut Sink) + Send + Sync + 'static) -> Provider {
        Provider { number: self.add(Box::new(figures)), inner: Arc::downgrade(&self.inner) }
    }

    fn add(&self, provide: Provide) -> u64 {
        let number = self.inner.provided.fetch_add(1, Ordering::Relaxed);
        self.inner.providers.write().push((number, provide));
        number
    }

    /// Everything by name, timers with their statistics. Figures that are no number are left out.
    pub fn snapshot(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        all.extend(self.counters().into_iter().map(|(name, count)| (name, count as f64)));
        all.extend(self.gauges());
        for (name, summary) in self.timers() {
            all.insert(name.clone(), summary.last);
            if summary.count() >= 2 {
                all.insert(format!("{name}/count"), summary.count() as f64);
                all.insert(format!("{name}/max"), summary.max());
                all.insert(format!("{name}/min"), summary.min());
                all.extend(
                    PERCENTILES.map(|(end, part)| (format!("{name}/{end}"), summary.percentile(part))),
                );
            }
        }
        all.retain(|_, value| value.is_finite());
        all
    }

    pub(super) fn counters(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        self.inner.registry.visit_counters(|key, count| {
            all.insert(key.name().to_owned(), count.load(Ordering::Relaxed));
        });
        all
    }

    pub(super) fn gauges(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        self.inner.registry.visit_gauges(|key, bits| {
            all.insert(key.name().to_owned(), f64::from_bits(bits.load(Ordering::Relaxed)));
        });
        let mut sink = Sink { figures: &mut all };
        self.inner.providers.read().iter().for_each(|(_, provide)| provide(&mut sink));
        all
    }

    pub(super) fn timers(&self) -> BTreeMap<String, Summary> {
        let mut all = BTreeMap::new();
        self.inner.registry.visit_histograms(|key, window| {
            all.extend(window.summary().map(|summary| (key.name().to_owned(), summary)));
        });
        all
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Sink<'_> {
    /// One figure.
    pub fn gauge(&mut self, name: impl Into<String>, value: f64) {
        self.figures.insert(name.into(), value);
    }
}

/// All our metrics are on one level.
const METADATA: Metadata<'static> = Metadata::new(module_path!(), metrics::Level::INFO, None);

/// Lets code that only knows the `metrics` facade count here: `metrics::with_local_recorder`.
impl Recorder for Metrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.inner.registry.get_or_create_counter(key, |count| Counter::from_arc(count.clone()))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.inner.registry.get_or_create_gauge(key, |bits| Gauge::from_arc(bits.clone()))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.inner.registry.get_or_create_histogram(key, |window| Histogram::from_arc(window.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_of_one_name_count_together() {
        let metrics = Metrics::new();
        metrics.counter("master/messages").increment(2);
        metrics.counter("master/messages").increment(3);
        metrics.gauge("master/uptime_secs").set(1.5);
        metrics.provide(|sink| sink.gauge("master/tasks_running", 3.0));
        metrics.provide(|sink| sink.gauge("bad", f64::NAN));
        let all = metrics.snapshot();
        assert_eq!(
            all.into_iter().collect::<Vec<_>>(),
            [
                ("master/messages".to_owned(), 5.0),
                ("master/tasks_running".to_owned(), 3.0),
                ("master/uptime_secs".to_owned(), 1.5),
            ]
        );
    }

    #[test]
    fn figures_go_with_whoever_provided_them() {
        let metrics = Metrics::new();
        let first = metrics.provide_while(|sink| sink.gauge("allocator/roles", 1.0));
        let second = metrics.provide_while(|sink| sink.gauge("allocator/agents", 2.0));
        drop(first);
        assert_eq!(metrics.snapshot().into_keys().collect::<Vec<_>>(), ["allocator/agents"]);
        drop(second);
        assert!(metrics.snapshot().is_empty());
    }

    #[test]
    fn a_timer_shows_statistics_from_its_second_sample() {
        let metrics = Metrics::new();
        let timer = metrics.timer("allocator/mesos/allocation_run");
        assert!(metrics.snapshot().is_empty());
        timer.record(4.0);
        assert_eq!(metrics.snapshot().len(), 1);
        timer.record(2.0);
        let all = metrics.snapshot();
        assert_eq!(all["allocator/mesos/allocation_run_ms"], 2.0);
        assert_eq!(all["allocator/mesos/allocation_run_ms/count"], 2.0);
        assert_eq!(all["allocator/mesos/allocation_run_ms/p50"], 3.0);
        assert_eq!(all.len(), 10);
    }
}
