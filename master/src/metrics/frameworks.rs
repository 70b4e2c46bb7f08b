//! The family of one framework: `master/frameworks/<name>/<id>/…`. What has not happened yet is shown as zero.

use std::collections::BTreeMap;

use imbl::OrdMap;
use libprocess::metrics::Sink;
use model::TaskState;

use super::{ACTIVE, active};
use crate::state::{Counts, Framework};

const CALLS: &[&str] = &[
    "ACCEPT",
    "ACCEPT_INVERSE_OFFERS",
    "ACKNOWLEDGE",
    "ACKNOWLEDGE_OPERATION_STATUS",
    "DECLINE",
    "DECLINE_INVERSE_OFFERS",
    "KILL",
    "MESSAGE",
    "RECONCILE",
    "RECONCILE_OPERATIONS",
    "REQUEST",
    "REVIVE",
    "SHUTDOWN",
    "SUBSCRIBE",
    "SUPPRESS",
    "TEARDOWN",
    "UPDATE_FRAMEWORK",
];
const EVENTS: &[&str] = &[
    "ERROR",
    "FAILURE",
    "HEARTBEAT",
    "INVERSE_OFFERS",
    "MESSAGE",
    "OFFERS",
    "RESCIND",
    "RESCIND_INVERSE_OFFER",
    "SUBSCRIBED",
    "UPDATE",
    "UPDATE_OPERATION_STATUS",
];
const OPERATIONS: &[&str] = &[
    "CREATE",
    "CREATE_DISK",
    "DESTROY",
    "DESTROY_DISK",
    "GROW_VOLUME",
    "LAUNCH",
    "LAUNCH_GROUP",
    "RESERVE",
    "SHRINK_VOLUME",
    "UNRESERVE",
];
/// States in which tasks end.
const TERMINAL: &[TaskState] = &[
    TaskState::Dropped,
    TaskState::Error,
    TaskState::Failed,
    TaskState::Finished,
    TaskState::Gone,
    TaskState::GoneByOperator,
    TaskState::Killed,
    TaskState::Lost,
];

/// Unit: bytes.
const NAME_MAX: usize = 128;

/// Shows a framework, running or ended.
pub(super) fn show(framework: &Framework, sink: &mut Sink<'_>) {
    let prefix = format!("master/frameworks/{}/{}", encoded(&framework.info.name), framework.id);
    sink.gauge(format!("{prefix}/subscribed"), f64::from(u8::from(framework.connected())));
    for ((_, name), count) in ACTIVE.iter().zip(active(framework)) {
        sink.gauge(format!("{prefix}/tasks/active/task_{name}"), count as f64);
    }
    for role in framework.info.subscribed_roles() {
        let suppressed = framework.suppressed.contains(&role);
        sink.gauge(format!("{prefix}/roles/{role}/suppressed"), f64::from(u8::from(suppressed)));
    }
    let Counts {
        calls,
        events,
        operations,
        offers_sent,
        offers_accepted,
        offers_declined,
        offers_rescinded,
        ended,
    } = &framework.counts;
    by_name(&format!("{prefix}/calls"), CALLS, calls, sink);
    by_name(&format!("{prefix}/events"), EVENTS, events, sink);
    by_name(&format!("{prefix}/operations"), OPERATIONS, operations, sink);
    for (name, count) in [
        ("sent", offers_sent),
        ("accepted", offers_accepted),
        ("declined", offers_declined),
        ("rescinded", offers_rescinded),
    ] {
        sink.gauge(format!("{prefix}/offers/{name}"), *count as f64);
    }
    for state in TERMINAL {
        let count = ended.get(state).copied().unwrap_or_default();
        sink.gauge(format!("{prefix}/tasks/terminal/{}", state.name().to_lowercase()), count as f64);
    }
}

/// All of them together, and each.
fn by_name(family: &str, usual: &[&'static str], counts: &OrdMap<&'static str, u64>, sink: &mut Sink<'_>) {
    let mut all: BTreeMap<&str, u64> = usual.iter().map(|name| (*name, 0)).collect();
    all.extend(counts.iter().map(|(name, count)| (*name, *count)));
    sink.gauge(family.to_owned(), all.values().sum::<u64>() as f64);
    for (name, count) in all {
        sink.gauge(format!("{family}/{}", name.to_lowercase()), count as f64);
    }
}

/// A name as part of a path: everything but letters, digits and `-_.~` percent-encoded.
///
/// A framework may call itself anything, and there are a hundred figures of each: of a long name the beginning is shown. The id
/// behind it tells them apart.
fn encoded(name: &str) -> String {
    name.bytes().take(NAME_MAX).fold(String::new(), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_name_the_beginning_is_shown() {
        assert_eq!(encoded("a b/ü"), "a%20b%2F%C3%BC");
        assert_eq!(encoded(&"x".repeat(200_000)), "x".repeat(NAME_MAX));
    }
}
