//! What came of a run, for programs and for people.

mod compare;
mod page;
mod plot;

use serde_json::{Value, json};

pub use compare::compare;
pub use page::html;

use crate::experiment::Outcome;

/// One figure with its name, as a table shows it.
pub type Row = (&'static str, String);

/// The figures of a run that fit on a screen.
pub fn summary(outcome: &Outcome) -> Vec<Row> {
    let counts = outcome.frameworks.iter().map(|(_, counts)| *counts);
    let all = counts.fold(Default::default(), crate::Counts::plus);
    let last = outcome.samples.last();
    let mean = |of: fn(&crate::Sample) -> f64| {
        let sum: f64 = outcome.samples.iter().map(of).sum();
        if outcome.samples.is_empty() { 0.0 } else { sum / outcome.samples.len() as f64 }
    };
    vec![
        ("simulated", format!("{:.1} s", last.map_or(0.0, |last| last.at.as_secs_f64()))),
        ("took", format!("{:.1} s", outcome.took.as_secs_f64())),
        ("agents", last.map_or(0, |last| last.agents).to_string()),
        ("tasks running", all.running.to_string()),
        ("tasks pending", all.pending.to_string()),
        ("finished", all.finished.to_string()),
        ("failed", all.failed.to_string()),
        ("killed", all.killed.to_string()),
        ("lost", all.lost.to_string()),
        ("cpus in use, mean", format!("{:.1} %", 100.0 * mean(|sample| sample.cpus))),
        ("memory in use, mean", format!("{:.1} %", 100.0 * mean(|sample| sample.mem))),
        ("wait p50 / p99 / max", spread(&outcome.waits)),
        ("launch p50 / p99 / max", spread(&outcome.launches)),
        ("leaderships", outcome.elections.to_string()),
        ("processes ended by a panic", outcome.panics.len().to_string()),
        ("events", outcome.events.to_string()),
        ("trace hash", format!("{:016x}", outcome.trace_hash)),
        ("wrongs", outcome.wrongs.len().to_string()),
    ]
}

/// What else is to be told of a run, a line each: orders that were refused, processes that ended by a panic.
pub fn asides(outcome: &Outcome) -> Vec<String> {
    let notes = outcome.notes.iter().map(|note| format!("note: {note}"));
    let panics = outcome.panics.iter().take(ASIDES_MAX).map(|panic| format!("ended: {panic}"));
    let more = outcome.panics.len().saturating_sub(ASIDES_MAX);
    let more = (more > 0).then(|| format!("ended: {more} more; --output=json names them"));
    notes.chain(panics).chain(more).collect()
}

/// How many lines about ended processes a screen shows.
const ASIDES_MAX: usize = 5;

/// Everything that was seen, as one value.
pub fn json(outcome: &Outcome) -> Value {
    let samples = outcome.samples.iter().map(|sample| {
        let shares: serde_json::Map<String, Value> =
            sample.shares.iter().map(|(role, share)| (role.clone(), json!(share))).collect();
        json!({
            "at_secs": sample.at.as_secs_f64(),
            "agents": sample.agents,
            "running": sample.counts.running,
            "pending": sample.counts.pending,
            "cpus": sample.cpus,
            "mem": sample.mem,
            "shares": shares,
            "leader": sample.leads,
        })
    });
    let frameworks: serde_json::Map<String, Value> = outcome
        .frameworks
        .iter()
        .map(|(name, counts)| {
            let counts = json!({
                "pending": counts.pending,
                "live": counts.live,
                "running": counts.running,
                "finished": counts.finished,
                "failed": counts.failed,
                "killed": counts.killed,
                "lost": counts.lost,
            });
            (name.clone(), counts)
        })
        .collect();
    json!({
        "wrongs": outcome.wrongs,
        "notes": outcome.notes,
        "panics": outcome.panics,
        "transcript": outcome.transcript,
        "frameworks": frameworks,
        "wait_secs": quantiles(&outcome.waits),
        "launch_secs": quantiles(&outcome.launches),
        "leaderships": outcome.elections,
        "events": outcome.events,
        "trace_hash": format!("{:016x}", outcome.trace_hash),
        "took_secs": outcome.took.as_secs_f64(),
        "samples": samples.collect::<Vec<_>>(),
    })
}

/// The value below which this part of an ordered list lies; zero of an empty one.
pub(crate) fn quantile(ordered: &[f32], part: f64) -> f32 {
    let last = ordered.len().saturating_sub(1);
    ordered.get((last as f64 * part).round() as usize).copied().unwrap_or_default()
}

fn quantiles(ordered: &[f32]) -> Value {
    json!({
        "count": ordered.len(),
        "p50": quantile(ordered, 0.5),
        "p90": quantile(ordered, 0.9),
        "p99": quantile(ordered, 0.99),
        "max": quantile(ordered, 1.0),
    })
}

fn spread(ordered: &[f32]) -> String {
    let at = |part| quantile(ordered, part);
    format!("{:.3} / {:.3} / {:.3} s", at(0.5), at(0.99), at(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_members_of_the_list() {
        let list: Vec<f32> = (1..=101).map(|number| number as f32).collect();
        assert_eq!((quantile(&list, 0.0), quantile(&list, 0.5), quantile(&list, 1.0)), (1.0, 51.0, 101.0));
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
