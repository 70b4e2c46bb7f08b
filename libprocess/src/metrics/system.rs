//! What the machine says of itself.

use std::fs;

use serde_json::json;

use super::Metrics;
use crate::http::{Handler, Response, Route};
use crate::inspect::at_once;

/// Load, processors and memory of this machine, read when asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Figures {
    load: [f64; 3],
    processors: u64,
    /// Unit: bytes.
    memory_total: u64,
    /// Unit: bytes.
    memory_free: u64,
}

/// Adds `system/*`. A simulated runtime has no machine and does not.
pub fn provide(metrics: &Metrics) {
    metrics.provide(|sink| {
        let figures = Figures::read();
        let [one, five, fifteen] = figures.load;
        sink.gauge("system/load_1min", one);
        sink.gauge("system/load_5min", five);
        sink.gauge("system/load_15min", fifteen);
        sink.gauge("system/cpus_total", figures.processors as f64);
        sink.gauge("system/mem_total_bytes", figures.memory_total as f64);
        sink.gauge("system/mem_free_bytes", figures.memory_free as f64);
    });
}

/// `/system/stats.json`.
pub(crate) fn routes() -> Vec<(Route, Handler)> {
    let stats = at_once(|_| {
        let figures = Figures::read();
        let [one, five, fifteen] = figures.load;
        let body = json!({
            "avg_load_15min": fifteen,
            "avg_load_1min": one,
            "avg_load_5min": five,
            "cpus_total": figures.processors,
            "mem_free_bytes": figures.memory_free,
            "mem_total_bytes": figures.memory_total,
        });
        Response::json(body.to_string())
    });
    vec![(Route::any("/stats.json").help("Load, processors and memory of this machine."), stats)]
}

impl Figures {
    /// What cannot be read is zero.
    fn read() -> Figures {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        Figures::parse(&text("/proc/loadavg"), &text("/proc/stat"), &text("/proc/meminfo"))
    }

    fn parse(loadavg: &str, stat: &str, meminfo: &str) -> Figures {
        let mut load = [0.0; 3];
        for (place, word) in load.iter_mut().zip(loadavg.split(' ')) {
            *place = word.parse().unwrap_or_default();
        }
        let is_processor = |line: &&str| {
            line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let kibibytes = |name: &str| -> u64 {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
        };
        Figures {
            load,
            processors: stat.lines().filter(is_processor).count() as u64,
            memory_total: kibibytes("MemTotal:") * 1024,
            memory_free: kibibytes("MemFree:") * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_tables_are_read() {
        let figures = Figures::parse(
            "1.92 1.57 2.91 3/412 9041\n",
            "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 9\n",
            "MemTotal:       24684096 kB\nMemFree:         1024 kB\n",
        );
        assert_eq!(figures.load, [1.92, 1.57, 2.91]);
        assert_eq!(figures.processors, 2);
        assert_eq!(figures.memory_total, 24_684_096 * 1024);
        assert_eq!(figures.memory_free, 1024 * 1024);
        assert_eq!(Figures::parse("", "", ""), Figures::default());
    }
}
