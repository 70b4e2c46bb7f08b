//! What a master shows, by reference.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{
    AgentCapabilities, AgentId, AgentInfo, DrainInfo, ExecutorInfo, FaultDomain, FrameworkId, FrameworkInfo,
    Offer, OfferConstraints, Resources, Task, Time,
};

use crate::classic::Build;

/// All a master shows of itself and its cluster. `/state-summary` counts from the same.
#[derive(Clone, Debug)]
pub struct MasterState<'a> {
    pub build: Build<'a>,
    pub start_time: Time,
    pub elected_time: Option<Time>,
    pub id: &'a str,
    /// `master@ip:port`.
    pub pid: &'a str,
    pub hostname: &'a str,
    /// Public names, such as `AGENT_UPDATE`.
    pub capabilities: &'a [&'a str],
    pub activated_agents: usize,
    pub deactivated_agents: usize,
    pub unreachable_agents: usize,
    pub domain: Option<&'a FaultDomain>,
    pub leader: Option<Leader<'a>>,
    pub cluster: Option<&'a str>,
    pub log_dir: Option<&'a str>,
    pub external_log_file: Option<&'a str>,
    /// `None` for who may not see them.
    pub flags: Option<&'a BTreeMap<String, String>>,
    pub agents: Vec<Agent<'a>>,
    pub recovered_agents: Vec<&'a AgentInfo>,
    pub frameworks: Vec<Framework<'a>>,
    pub completed_frameworks: Vec<Framework<'a>>,
}

/// Who leads.
#[derive(Clone, Copy, Debug)]
pub struct Leader<'a> {
    pub id: &'a str,
    pub pid: &'a str,
    pub port: u16,
    pub hostname: &'a str,
    pub domain: Option<&'a FaultDomain>,
}

/// An agent that is registered.
#[derive(Clone, Debug)]
pub struct Agent<'a> {
    pub id: &'a AgentId,
    pub info: &'a AgentInfo,
    /// `slave(1)@ip:port`.
    pub pid: Cow<'a, str>,
    pub version: &'a str,
    pub capabilities: &'a AgentCapabilities,
    pub registered: Time,
    /// Only when it came back.
    pub reregistered: Option<Time>,
    pub active: bool,
    pub deactivated: bool,
    pub total: Cow<'a, Resources>,
    pub used: Cow<'a, Resources>,
    pub offered: Cow<'a, Resources>,
    pub drain: Option<&'a DrainInfo>,
    pub drain_started: Option<Time>,
}

/// A framework, running or completed.
#[derive(Clone, Debug)]
pub struct Framework<'a> {
    pub id: &'a FrameworkId,
    pub info: &'a FrameworkInfo,
    pub active: bool,
    pub connected: bool,
    pub recovered: bool,
    pub registered: Time,
    /// Shown only when it differs from `registered`.
    pub reregistered: Option<Time>,
    pub unregistered: Option<Time>,
    pub used: Cow<'a, Resources>,
    pub offered: Cow<'a, Resources>,
    pub tasks: Vec<&'a Task>,
    pub unreachable_tasks: Vec<&'a Task>,
    pub completed_tasks: Vec<&'a Task>,
    pub offers: Vec<&'a Offer>,
    pub executors: Vec<(&'a AgentId, &'a ExecutorInfo)>,
    /// `id@ip:port` of an old driver; nothing for who reads a stream.
    pub pid: Option<String>,
    pub offer_constraints: Option<&'a OfferConstraints>,
}

impl Framework<'_> {
    pub(super) fn all_tasks(&self) -> impl Iterator<Item = &Task> {
        [&self.tasks, &self.unreachable_tasks, &self.completed_tasks].into_iter().flatten().copied()
    }
}
