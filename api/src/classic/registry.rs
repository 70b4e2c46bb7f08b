//! `/registrar(1)/registry`: the facts that outlive a master, each by itself, since there may be very many.
//!
//! Shape: an object of lists, most of which are a list in an object of their own. What is empty is left out.

use model::{
    AgentId, AgentInfo, DrainInfo, MachineId, MachineMode, MasterInfo, Quota, Time, Unavailability, Weight,
    Window,
};

use super::fields;
use super::value::{object, write_object};
use crate::json::{Message, to_vec};
use crate::v1;

/// What is said of an agent besides what it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing<'a> {
    pub drain: Option<&'a DrainInfo>,
    pub deactivated: bool,
}

/// Who leads.
pub fn leader(info: &MasterInfo) -> Vec<u8> {
    let info = v1::MasterInfo::from(info);
    written(|out| {
        fields! { out; "info": info }
    })
}

/// An agent that may run tasks.
pub fn admitted(id: &AgentId, info: &AgentInfo, standing: Standing<'_>) -> Vec<u8> {
    let mut spelled = v1::AgentInfo::from(info);
    spelled.id = Some(id.into());
    // The old spelling has a field more, and every agent has it so.
    let spelled = object(move |out| {
        spelled.write_fields(out);
        fields! { out; "checkpoint": true }
    });
    written(|out| {
        fields! { out; "info": spelled }
        standing.write_fields(out);
    })
}

/// An agent that stopped answering.
pub fn unreachable(id: &AgentId, since: Time, standing: Standing<'_>) -> Vec<u8> {
    written(|out| {
        fields! { out; "id": v1::AgentId::from(id), "timestamp": v1::TimeInfo::from(since) }
        standing.write_fields(out);
    })
}

/// An agent that will never be back.
pub fn gone(id: &AgentId, since: Time) -> Vec<u8> {
    written(|out| {
        fields! { out; "id": v1::AgentId::from(id), "timestamp": v1::TimeInfo::from(since) }
    })
}

/// A machine that is planned to be away.
pub fn machine(id: &MachineId, mode: MachineMode, planned: &Unavailability) -> Vec<u8> {
    let mode = match mode {
        MachineMode::Up => v1::machine_info::Mode::Up,
        MachineMode::Draining => v1::machine_info::Mode::Draining,
        MachineMode::Down => v1::machine_info::Mode::Down,
    };
    let info =
        v1::MachineInfo { id: id.into(), mode: Some(mode as i32), unavailability: Some(planned.into()) };
    written(|out| {
        fields! { out; "info": info }
    })
}

/// When machines are away, all windows of it.
pub fn schedule(windows: &[Window]) -> Vec<u8> {
    let window = |window: &Window| v1::maintenance::Window {
        machine_ids: window.machines.iter().map(Into::into).collect(),
        unavailability: (&window.unavailability).into(),
    };
    to_vec(&v1::maintenance::Schedule { windows: windows.iter().map(window).collect() })
}

/// What a role is promised, and may have at most.
pub fn quota(quota: &Quota) -> Vec<u8> {
    to_vec(&v1::quota::QuotaConfig::from(quota))
}

/// What a role weighs.
pub fn weight(weight: &Weight) -> Vec<u8> {
    let info = v1::WeightInfo { weight: weight.weight(), role: Some(weight.role.to_string()) };
    written(|out| {
        fields! { out; "info": info }
    })
}

/// What a master must be able to do to lead with this content.
pub fn capability(name: &str) -> Vec<u8> {
    written(|out| {
        fields! { out; "capability": name }
    })
}

impl Standing<'_> {
    fn write_fields(&self, out: &mut Vec<u8>) {
        fields! { out; "drain_info"?: self.drain.map(v1::DrainInfo::from), "deactivated": self.deactivated }
    }
}

fn written(fields: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write_object(&mut out, fields);
    out
}
