//! Whether two JSON texts say the same: the same keys, types and values, but for what must differ between two runs.

use serde_json::Value;

/// Fields whose values are those of one run or one build: only their types are compared.
const OF_ONE_RUN: &[&str] = &[
    "build_date",
    "build_time",
    "build_user",
    "cpus_system_time_secs",
    "cpus_user_time_secs",
    "elected_time",
    "estimated_drain_start_time_seconds",
    "executor_pid",
    "git_sha",
    "ip",
    "mem_anon_bytes",
    "mem_cache_bytes",
    "mem_file_bytes",
    "mem_kmem_tcp_usage_bytes",
    "mem_kmem_usage_bytes",
    "mem_mapped_file_bytes",
    "mem_rss_bytes",
    "mem_total_bytes",
    "mtime",
    "nanoseconds",
    "pid",
    "port",
    "registered_time",
    "reregistered_time",
    "start_time",
    "timestamp",
    "unregistered_time",
    "uuid",
    "status_update_uuid",
    "version",
];

/// Lists that the captured story filled with more than ours does: each of our items must be one of theirs.
const SAMPLES: &[&str] = &["completed_tasks"];

/// Lists in the order of time.
const IN_ORDER: &[&str] = &["statuses"];

/// What ours lacks, adds or says otherwise, one line each: `path: how`.
pub fn differences(golden: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", golden, ours, &mut found);
    found
}

fn compare(path: &str, golden: &Value, ours: &Value, found: &mut Vec<String>) {
    let key = path.rsplit('/').next().unwrap_or_default();
    match (golden, ours) {
        (Value::Object(golden), Value::Object(ours)) => {
            for (key, value) in golden {
                match ours.get(key) {
                    Some(other) => compare(&format!("{path}/{key}"), value, other, found),
                    None => found.push(format!("{path}/{key}: missing")),
                }
            }
            let added = ours.keys().filter(|key| !golden.contains_key(*key));
            found.extend(added.map(|key| format!("{path}/{key}: added")));
        }
        (Value::Array(golden), Value::Array(ours)) if SAMPLES.contains(&key) => {
            for (index, item) in ours.iter().enumerate() {
                let nearest = golden.iter().map(|other| differences(other, item)).min_by_key(Vec::len);
                let prefixed = nearest.into_iter().flatten().map(|line| format!("{path}/{index}{line}"));
                found.extend(prefixed);
            }
        }
        (Value::Array(golden), Value::Array(ours))
            if IN_ORDER.contains(&key) && golden.len() == ours.len() =>
        {
            for (index, (golden, ours)) in golden.iter().zip(ours).enumerate() {
                compare(&format!("{path}/{index}"), golden, ours, found);
            }
        }
        (Value::Array(golden), Value::Array(ours)) => lists(path, golden, ours, found),
        _ if OF_ONE_RUN.contains(&key) || path.ends_with("/uuid/value") => {
            if std::mem::discriminant(golden) != std::mem::discriminant(ours) {
                found.push(format!("{path}: {ours} is not of the type of {golden}"));
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            if a.is_f64() != b.is_f64() || a.as_f64() != b.as_f64() {
                found.push(format!("{path}: {b} instead of {a}"));
            }
        }
        (Value::String(a), Value::String(b)) if a != b && without_ids(a) == without_ids(b) => {}
        (golden, ours) => {
            if golden != ours {
                found.push(format!("{path}: {ours} instead of {golden}"));
            }
        }
    }
}

/// Lists say the same whatever their order.
fn lists(path: &str, golden: &[Value], ours: &[Value], found: &mut Vec<String>) {
    if golden.len() != ours.len() {
        return found.push(format!("{path}: {} items instead of {}", ours.len(), golden.len()));
    }
    let mut rest: Vec<&Value> = golden.iter().collect();
    for (index, item) in ours.iter().enumerate() {
        let nearest =
            (0..rest.len()).min_by_key(|at| differences(rest[*at], item).len()).expect("as many as ours");
        let lines = differences(rest.remove(nearest), item);
        found.extend(lines.into_iter().map(|line| format!("{path}/{index}{line}")));
    }
}

/// A text without the ids in it that are drawn or counted: UUIDs, and offers.
fn without_ids(text: &str) -> String {
    let mut words: Vec<&str> =
        text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').collect();
    for word in &mut words {
        let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let uuid = bare.len() == 36 && bare.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
        if uuid {
            *word = "a UUID";
        } else if bare.rsplit_once("-O").is_some_and(|(_, number)| number.parse::<u64>().is_ok()) {
            *word = "an offer";
        }
    }
    words.concat()
}
