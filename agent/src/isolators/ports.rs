//! `network/ports`: whether containers listen on the ports they were given and on no others, looked at from time to time.
//!
//! Only those in the host's network are looked at. A container's ports are those of all in it: of its executor and of all
//! its tasks. Source: Mesos, network/ports.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use agent_cgroups::{Root, Version};
use agent_linux::cgroup::Tree;
use agent_linux::sockets;
use model::{ContainerId, Range, Ranges, Resources};

use super::config::IsolationConfig;
use super::isolator::{Isolator, Limitation, LimitationKind, Plan, Subject};
use crate::containerizer::ContainerConfig;

/// Looks at one container at a time.
#[derive(Debug)]
pub(super) struct Ports {
    root: Root,
    interval: Duration,
    enforce: bool,
    /// Those that must be given; all if `None`.
    policed: Option<Ranges>,
    /// What containers were given.
    given: Mutex<BTreeMap<ContainerId, Ranges>>,
    /// Who listens, as of the beginning of a round. Shape: socket → port.
    listening: Mutex<BTreeMap<u64, u16>>,
}

impl Ports {
    /// One that finds containers' processes in their groups below `root`.
    pub(super) fn new(config: &IsolationConfig, root: Root) -> Self {
        Self {
            root,
            interval: config.ports_watch_interval,
            enforce: config.enforce_ports,
            policed: config.policed_ports.clone(),
            given: Mutex::default(),
            listening: Mutex::default(),
        }
    }

    fn give(&self, id: &ContainerId, config: &ContainerConfig) {
        // What one inside of another was given is part of that one's.
        if let (None, Ok(mut given)) = (id.parent(), self.given.lock()) {
            given.insert(id.clone(), config.resources.ports());
        }
    }

    /// The ports a container listens on.
    fn used(&self, id: &ContainerId) -> Option<Ranges> {
        let group = self.root.group(&[id.value()]).ok()?;
        let (dir, version) = group.tracking();
        let pids = Tree::new(dir, version == Version::V1).pids().ok()?;
        let listening = self.listening.lock().ok()?;
        let held = pids.into_iter().flat_map(sockets::held_by);
        let ports = held.filter_map(|socket| listening.get(&socket)).map(|port| u64::from(*port));
        Ranges::coalesce(ports.map(|port| Range { begin: port, end: port })).ok()
    }
}

impl Isolator for Ports {
    fn name(&self) -> &'static str {
        "network/ports"
    }

    fn prepare(&self, subject: &Subject<'_>, _: &mut Plan) -> Result<(), String> {
        self.give(subject.id, subject.config);
        Ok(())
    }

    fn update(&self, id: &ContainerId, config: &ContainerConfig) -> Result<(), String> {
        self.give(id, config);
        Ok(())
    }

    fn begin_round(&self) {
        match sockets::listening() {
            Ok(found) => {
                if let Ok(mut listening) = self.listening.lock() {
                    *listening = found;
                }
            }
            Err(error) => tracing::warn!(%error, "who listens on which port cannot be read"),
        }
    }

    fn limitation(&self, id: &ContainerId) -> Option<Limitation> {
        let given = self.given.lock().ok()?.get(id).cloned()?;
        let stray = strays(&self.used(id)?, &given, self.policed.as_ref());
        if stray.is_empty() {
            return None;
        }
        let message = format!("Container {id} is listening on unallocated port(s): {stray}");
        if !self.enforce {
            tracing::info!("{message}");
            return None;
        }
        let resources: Resources = format!("ports:{stray}").parse().ok()?;
        Some(Limitation { kind: LimitationKind::Ports, message, resources })
    }

    fn period(&self) -> Option<Duration> {
        Some(self.interval.max(Duration::from_millis(10)))
    }

    fn cleanup(&self, id: &ContainerId) -> Result<(), String> {
        if let Ok(mut given) = self.given.lock() {
            given.remove(id);
        }
        Ok(())
    }
}

/// The ports that are used without having been given, among those it matters for.
fn strays(used: &Ranges, given: &Ranges, policed: Option<&Ranges>) -> Ranges {
    let stray = used.difference(given);
    match policed {
        // What is in both.
        Some(policed) => stray.difference(&stray.difference(policed)),
        None => stray,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_must_be_given_if_it_is_among_those_that_matter() {
        let ranges = |text: &str| text.parse::<Ranges>().unwrap();
        let stray = |policed: Option<&str>| {
            strays(&ranges("[80-80, 31000-31002]"), &ranges("[31001-31010]"), policed.map(ranges).as_ref())
                .to_string()
        };
        assert_eq!(stray(None), "[80-80, 31000-31000]");
        assert_eq!(stray(Some("[31000-32000]")), "[31000-31000]");
        assert_eq!(stray(Some("[1-2]")), "[]");
    }
}
