//! Two runs side by side.

use super::quantile;
use crate::experiment::Outcome;

/// The figures of two runs side by side. Shape: name, the one, the other, the difference.
pub fn compare(before: &Outcome, after: &Outcome) -> Vec<Vec<String>> {
    let pairs = figures(before).into_iter().zip(figures(after));
    let row = |((name, unit, one), (_, _, other)): (Figure, Figure)| {
        let difference = other - one;
        let sign = if difference > 0.0 { "+" } else { "" };
        vec![name.to_owned(), unit.of(one), unit.of(other), format!("{sign}{}", unit.of(difference))]
    };
    pairs.map(row).collect()
}

/// What a figure counts.
#[derive(Clone, Copy)]
enum Unit {
    Number,
    Percent,
    Seconds,
}

impl Unit {
    fn of(self, value: f64) -> String {
        match self {
            Unit::Number => format!("{value:.0}"),
            Unit::Percent => format!("{:.1} %", 100.0 * value),
            Unit::Seconds => format!("{value:.3} s"),
        }
    }
}

type Figure = (&'static str, Unit, f64);

/// What two runs can be compared by.
fn figures(outcome: &Outcome) -> Vec<Figure> {
    let counts = outcome.frameworks.iter().map(|(_, counts)| *counts);
    let all = counts.fold(Default::default(), crate::Counts::plus);
    let last = outcome.samples.last();
    let mean = |of: fn(&crate::Sample) -> f64| {
        let sum: f64 = outcome.samples.iter().map(of).sum();
        if outcome.samples.is_empty() { 0.0 } else { sum / outcome.samples.len() as f64 }
    };
    let at = |list: &[f32], part| f64::from(quantile(list, part));
    let mean_pending = mean(|sample| sample.counts.pending as f64);
    vec![
        ("agents at the end", Unit::Number, last.map_or(0.0, |last| last.agents as f64)),
        ("tasks running at the end", Unit::Number, all.running as f64),
        ("tasks pending at the end", Unit::Number, all.pending as f64),
        ("tasks pending, mean", Unit::Number, mean_pending),
        ("finished", Unit::Number, all.finished as f64),
        ("failed", Unit::Number, all.failed as f64),
        ("killed", Unit::Number, all.killed as f64),
        ("lost", Unit::Number, all.lost as f64),
        ("cpus in use, mean", Unit::Percent, mean(|sample| sample.cpus)),
        ("memory in use, mean", Unit::Percent, mean(|sample| sample.mem)),
        ("wait p50", Unit::Seconds, at(&outcome.waits, 0.5)),
        ("wait p99", Unit::Seconds, at(&outcome.waits, 0.99)),
        ("wait max", Unit::Seconds, at(&outcome.waits, 1.0)),
        ("launch p50", Unit::Seconds, at(&outcome.launches, 0.5)),
        ("launch p99", Unit::Seconds, at(&outcome.launches, 0.99)),
        ("leaderships", Unit::Number, outcome.elections as f64),
        ("wrongs", Unit::Number, outcome.wrongs.len() as f64),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_was_what_is_and_what_is_different() {
        let before = Outcome { waits: vec![0.5], elections: 2, ..Outcome::default() };
        let after = Outcome { waits: vec![0.75], elections: 1, ..Outcome::default() };
        let rows = compare(&before, &after);
        let row = |name: &str| rows.iter().find(|row| row[0] == name).unwrap()[1..].to_vec();
        assert_eq!(row("wait p50"), ["0.500 s", "0.750 s", "+0.250 s"]);
        assert_eq!(row("leaderships"), ["2", "1", "-1"]);
    }
}
