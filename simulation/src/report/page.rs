//! A page a person can read: figures, plots, what happened.

use std::fmt::Write;

use super::plot::{Series, escaped, lines};
use super::{quantile, summary};
use crate::experiment::{Outcome, Plan, Sample};

/// How many lines of what happened are shown.
const TRANSCRIPT_MAX: usize = 500;

/// The page, whole: it needs nothing beside itself.
pub fn html(plan: &Plan, outcome: &Outcome) -> String {
    let setup = &plan.setup;
    let title = format!(
        "{} masters, {} agents, {} frameworks, seed {}",
        setup.masters,
        setup.agents,
        plan.frameworks.len(),
        setup.seed
    );
    let bands: Vec<(f64, f64)> = plan
        .troubles
        .iter()
        .map(|trouble| (trouble.from.as_secs_f64(), trouble.until.as_secs_f64()))
        .collect();
    let mut page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><h1>{title}</h1>"
    );
    verdict(&mut page, outcome);
    page.push_str("<table>");
    for (name, value) in summary(outcome) {
        let _ = write!(page, "<tr><th>{name}</th><td>{}</td></tr>", escaped(&value));
    }
    page.push_str("</table>");
    let mut section = |name: &str, plot: String| {
        let _ = write!(page, "<h2>{name}</h2>{plot}");
    };
    let over_time = |name: &str, of: &dyn Fn(&Sample) -> f64| Series {
        name: name.to_owned(),
        points: outcome.samples.iter().map(|sample| (sample.at.as_secs_f64(), of(sample))).collect(),
    };
    let tasks = [
        over_time("running", &|sample| sample.counts.running as f64),
        over_time("pending", &|sample| sample.counts.pending as f64),
    ];
    section("Tasks", lines(&tasks, &bands, "s", whole));
    let used = [over_time("processors", &|sample| sample.cpus), over_time("memory", &|sample| sample.mem)];
    section("In use", lines(&used, &bands, "s", percent));
    let roles: Vec<String> = outcome
        .samples
        .last()
        .map_or_else(Vec::new, |last| last.shares.iter().map(|(role, _)| role.clone()).collect());
    let shares: Vec<Series> = roles
        .iter()
        .map(|role| {
            let share = |sample: &Sample| {
                sample.shares.iter().find(|(known, _)| known == role).map_or(0.0, |(_, share)| *share)
            };
            over_time(role, &share)
        })
        .collect();
    section("Dominant share of each role", lines(&shares, &bands, "s", percent));
    let agents = [over_time("agents registered", &|sample| sample.agents as f64)];
    section("Agents", lines(&agents, &bands, "s", whole));
    let latencies =
        [percentiles("wait for an offer", &outcome.waits), percentiles("launch", &outcome.launches)];
    section("Latency, by percentile of tasks", lines(&latencies, &[], "%", seconds));
    if !outcome.transcript.is_empty() {
        page.push_str("<h2>What happened</h2><pre>");
        for line in outcome.transcript.iter().take(TRANSCRIPT_MAX) {
            let _ = writeln!(page, "{}", escaped(line));
        }
        page.push_str("</pre>");
    }
    page.push_str("</body></html>");
    page
}

fn verdict(page: &mut String, outcome: &Outcome) {
    if outcome.wrongs.is_empty() {
        page.push_str("<p class=\"well\">Nothing was lost, given twice or forgotten; everybody agrees.</p>");
        return;
    }
    page.push_str("<p class=\"wrong\">What must not be:</p><pre>");
    for wrong in &outcome.wrongs {
        let _ = writeln!(page, "{}", escaped(wrong));
    }
    page.push_str("</pre>");
}

fn percentiles(name: &str, ordered: &[f32]) -> Series {
    let at = |part: u32| (f64::from(part), f64::from(quantile(ordered, f64::from(part) / 100.0)));
    Series { name: name.to_owned(), points: (0..=100).map(at).collect() }
}

fn whole(value: f64) -> String {
    if value == value.trunc() { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn percent(value: f64) -> String {
    format!("{} %", short(value * 100.0))
}

fn seconds(value: f64) -> String {
    format!("{} s", short(value))
}

/// As many digits as tell the steps of an axis apart, and no noughts behind them.
fn short(value: f64) -> String {
    let digits = if value.abs() >= 1.0 { 1 } else { 4 };
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem;color:#222}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:2rem 0 .3rem}\
table{border-collapse:collapse}th{text-align:left;font-weight:400;color:#555;padding-right:2rem}\
td{font-variant-numeric:tabular-nums}\
svg{width:100%;height:auto}svg text{font-size:11px;fill:#555}\
.grid{stroke:#e4e4e4}.band{fill:#d55e00;opacity:.08}polyline{fill:none;stroke-width:1.6}\
.legend span{margin-right:1.2rem}.legend i{display:inline-block;width:1.4em;height:3px;vertical-align:middle;margin-right:.4em}\
.legend .trouble{height:1em;background:#d55e00;opacity:.16}\
.well{color:#00694d}.wrong{color:#a33c00;font-weight:600}\
pre{background:#f6f6f6;padding:.7rem;overflow-x:auto;font-size:13px}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_beside_an_axis_are_short_and_say_where_they_are() {
        let steps = |end: f64, text: fn(f64) -> String| {
            (0..=5).map(|step| text(end * f64::from(step) / 5.0)).collect::<Vec<_>>()
        };
        assert_eq!(steps(0.5, percent), ["0 %", "10 %", "20 %", "30 %", "40 %", "50 %"]);
        assert_eq!(steps(0.025, percent), ["0 %", "0.5 %", "1 %", "1.5 %", "2 %", "2.5 %"]);
        assert_eq!(steps(0.025, seconds), ["0 s", "0.005 s", "0.01 s", "0.015 s", "0.02 s", "0.025 s"]);
        assert_eq!(steps(250.0, seconds)[1], "50 s");
    }
}
