//! Metrics as Prometheus scrapes them.

use metrics::Key;
use metrics_exporter_prometheus::LabelSet;
use metrics_exporter_prometheus::formatting::{sanitize_metric_name, write_metric_line, write_type_line};

use super::recorder::Metrics;
use super::window::PERCENTILES;

/// The text exposition format: `master/tasks_running` becomes `master_tasks_running`.
pub(super) fn render(metrics: &Metrics) -> String {
    let mut text = String::new();
    for (name, count) in metrics.counters() {
        one(&mut text, &name, "counter", count as f64);
    }
    for (name, value) in metrics.gauges() {
        one(&mut text, &name, "gauge", value);
    }
    for (name, summary) in metrics.timers() {
        let name = sanitize_metric_name(&name);
        write_type_line(&mut text, &name, None, None, "summary");
        for (_, part) in PERCENTILES {
            let quantile = Some(("quantile", part));
            write_metric_line(
                &mut text,
                &name,
                None,
                &unlabelled(),
                quantile,
                summary.percentile(part),
                None,
            );
        }
        line(&mut text, &name, Some("sum"), summary.sum);
        line(&mut text, &name, Some("count"), summary.all as f64);
    }
    text
}

fn one(text: &mut String, name: &str, kind: &str, value: f64) {
    let name = sanitize_metric_name(name);
    write_type_line(text, &name, None, None, kind);
    line(text, &name, None, value);
}

fn line(text: &mut String, name: &str, suffix: Option<&'static str>, value: f64) {
    write_metric_line::<&str, f64>(text, name, suffix, &unlabelled(), None, value, None);
}

/// Our names say everything; nothing has labels.
fn unlabelled() -> LabelSet {
    LabelSet::from_key_and_global(&Key::from_static_name(""), &Default::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_declared() {
        let metrics = Metrics::new();
        metrics.counter("master/messages").increment(2);
        metrics.gauge("master/uptime_secs").set(1.5);
        metrics.timer("run").record(3.0);
        let text = render(&metrics);
        assert!(text.starts_with("# TYPE master_messages counter\nmaster_messages 2\n"), "{text}");
        assert!(text.contains("# TYPE master_uptime_secs gauge\nmaster_uptime_secs 1.5\n"), "{text}");
        assert!(text.contains("run_ms{quantile=\"0.5\"} 3\n"), "{text}");
        assert!(text.ends_with("run_ms_sum 3\nrun_ms_count 1\n"), "{text}");
    }
}
