//! Jobs read from a text, so that what a real cluster was asked for can be asked again.
//!
//! One job a line, its columns separated by blanks; `#` begins a comment. Shape:
//!
//! ```text
//! # job     framework  arrival  tasks  resources         duration           constraint
//! web       prod       0secs    12     cpus:1;mem:512    forever            rack=r1
//! nightly   batch      90secs   200    cpus:0.5;mem:256  pareto(10secs,2)   -
//! ```
//!
//! Times are written as `30secs`, `5mins`, `2hrs`; durations are any [`Distribution`]. The constraint is an attribute a
//! machine must have, or `-`; it may be left away. What lasts `forever` is a service, the rest are batches.

use super::{Distribution, Job, Style, TaskFaults};

/// What a text came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// In order of arrival.
    pub jobs: Vec<Job>,
    /// Rows that are no jobs, and why.
    pub left_out: Vec<LeftOut>,
}

/// A row that is no job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct LeftOut {
    /// Counted from one.
    pub line: usize,
    pub why: String,
}

/// The most tasks of one row.
const TASKS_MAX: usize = 1_000_000;

/// Reads a trace. Rows with holes are left out and named; the others count.
pub fn read(text: &str) -> Read {
    let mut read = Read::default();
    let mut names = std::collections::BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        let row = job(&words).and_then(|job| match names.insert((job.framework.clone(), job.name.clone())) {
            true => Ok(job),
            false => Err(format!("{} has a job {:?} already", job.framework, job.name)),
        });
        match row {
            Ok(job) => read.jobs.push(job),
            Err(why) => read.left_out.push(LeftOut { line: number + 1, why }),
        }
    }
    read.jobs.sort_by_key(|job| job.arrives);
    read
}

/// Reads the columns of a row.
fn job(words: &[&str]) -> Result<Job, String> {
    let (columns, only) = match words {
        [columns @ .., only] if words.len() == 7 => (columns, constraint(only)?),
        columns => (columns, None),
    };
    let [name, framework, arrival, tasks, resources, duration] = columns else {
        return Err(format!(
            "{} columns; wanted: job framework arrival tasks resources duration [constraint]",
            words.len()
        ));
    };
    let lasts: Distribution = duration.parse().map_err(|error| format!("duration: {error}"))?;
    let tasks: usize = tasks.parse().map_err(|_| format!("tasks: {tasks:?} is no number"))?;
    if !(1..=TASKS_MAX).contains(&tasks) {
        return Err(format!("tasks: {tasks} is not between 1 and {TASKS_MAX}"));
    }
    Ok(Job {
        name: proper(name)?,
        framework: proper(framework)?,
        arrives: model::duration::parse_duration(arrival)
            .map_err(|error| format!("arrival: {arrival:?}: {error}"))?,
        tasks,
        resources: resources.parse().map_err(|error| format!("resources: {resources:?}: {error}"))?,
        style: if lasts == Distribution::Forever { Style::Service } else { Style::Batch },
        lasts,
        only,
        faults: TaskFaults::default(),
    })
}

/// A name that can be part of a task's.
pub(crate) fn proper(name: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !name.is_empty() && name.len() <= 64 && name.chars().all(fits) {
        true => Ok(name.to_owned()),
        false => Err(format!("name: {name:?} has other characters than letters, digits, `-` and `_`")),
    }
}

pub(crate) fn constraint(text: &str) -> Result<Option<(String, String)>, String> {
    if text == "-" {
        return Ok(None);
    }
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok(Some((name.to_owned(), value.to_owned())))
        }
        _ => Err(format!("constraint: {text:?} is not `attribute=value` or `-`")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rows_are_jobs_in_order_of_arrival() {
        let read = read(
            "# job framework arrival tasks resources duration\n\
             late batch 90secs 3 cpus:0.5;mem:256 pareto(10secs,2) -\n\
             \n\
             early prod 0secs 12 cpus:1 forever rack=r1 # a comment\n",
        );
        assert_eq!(read.left_out, []);
        let names: Vec<&str> = read.jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(names, ["early", "late"]);
        assert_eq!(read.jobs[0].only, Some(("rack".into(), "r1".into())));
        assert_eq!(read.jobs[0].style, Style::Service);
        assert_eq!(read.jobs[1].arrives, Duration::from_secs(90));
    }

    #[test]
    fn rows_with_holes_are_named_and_left_out() {
        let read = read(
            "a f 0secs 1 cpus:1\n\
             b f soon 1 cpus:1 1secs\n\
             c f 0secs none cpus:1 1secs\n\
             d f 0secs 1 cpus 1secs\n\
             e f 0secs 1 cpus:1 long\n\
             f.g f 0secs 1 cpus:1 1secs\n\
             g f 0secs 0 cpus:1 1secs\n\
             h f 0secs 1 cpus:1 1secs rack\n\
             fine f 0secs 1 cpus:1 1secs\n\
             fine f 1secs 1 cpus:1 1secs\n",
        );
        assert_eq!(read.jobs.len(), 1);
        let lines: Vec<usize> = read.left_out.iter().map(|row| row.line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7, 8, 10]);
        assert!(
            read.left_out[1].to_string().starts_with("line 2: arrival: \"soon\""),
            "{}",
            read.left_out[1]
        );
    }
}
