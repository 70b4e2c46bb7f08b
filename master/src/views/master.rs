//! The master itself, and everything at once.

use std::collections::BTreeMap;

use api::classic::Build;
use api::classic::master::{Leader, MasterState};
use api::v1;
use api::v1::master::response::GetMaster;
use model::MasterCapability;

use super::{agents, frameworks};
use crate::state::Snapshot;

/// The body of `/state-summary` is made of this. `pid` is this master's own address; flags are left out for those who may
/// not see them.
pub(crate) fn classic<'a>(
    snapshot: &'a Snapshot,
    pid: &'a str,
    flags: Option<&'a BTreeMap<String, String>>,
) -> MasterState<'a> {
    let [running, completed] = frameworks::classics(snapshot, None);
    MasterState {
        agents: snapshot.agents.values().map(|agent| agents::shown(snapshot, agent)).collect(),
        recovered_agents: agents::recovered(snapshot).collect(),
        frameworks: running,
        completed_frameworks: completed,
        ..head(snapshot, pid, flags)
    }
}

/// The same without agents and frameworks.
pub(crate) fn head<'a>(
    snapshot: &'a Snapshot,
    pid: &'a str,
    flags: Option<&'a BTreeMap<String, String>>,
) -> MasterState<'a> {
    const CAPABILITIES: &[&str] = &[
        MasterCapability::AgentUpdate.name(),
        MasterCapability::AgentDraining.name(),
        MasterCapability::QuotaV2.name(),
    ];
    let identity = &snapshot.identity;
    let connected = snapshot.agents.values().filter(|agent| snapshot.active(agent)).count();
    let leader = Leader {
        id: &identity.id,
        pid,
        port: identity.address.port(),
        hostname: &identity.hostname,
        domain: identity.domain.as_ref(),
    };
    MasterState {
        build: Build::OURS,
        start_time: identity.started,
        elected_time: snapshot.leading.then_some(identity.elected),
        id: &identity.id,
        pid,
        hostname: &identity.hostname,
        capabilities: CAPABILITIES,
        activated_agents: connected,
        deactivated_agents: snapshot.agents.len() - connected,
        unreachable_agents: snapshot.unreachable.len(),
        domain: identity.domain.as_ref(),
        leader: snapshot.leading.then_some(leader),
        cluster: identity.cluster.as_deref(),
        log_dir: flags.and_then(|flags| flags.get("log_dir")).map(String::as_str),
        external_log_file: flags.and_then(|flags| flags.get("external_log_file")).map(String::as_str),
        flags,
        agents: Vec::new(),
        recovered_agents: Vec::new(),
        frameworks: Vec::new(),
        completed_frameworks: Vec::new(),
    }
}

/// GET_MASTER.
pub(crate) fn get_master(snapshot: &Snapshot) -> GetMaster {
    let identity = &snapshot.identity;
    GetMaster {
        master_info: Some(v1::MasterInfo::from(&identity.info())),
        start_time: Some(identity.started.as_secs_f64()),
        elected_time: snapshot.leading.then(|| identity.elected.as_secs_f64()),
    }
}
