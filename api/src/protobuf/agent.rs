//! An agent as the operator API spells it in protobuf.

use model::{Attribute, AttributeValue, Time};

use super::resource;
use super::write::Backwards;
use crate::classic::master::Agent;
use crate::convert::{Spelling, drain_start};
use crate::v1;
use crate::v1::agent_info::capability;

/// The fields of `GetAgents.Agent`.
pub(crate) fn write(agent: &Agent<'_>, out: &mut Backwards) {
    out.made(14, agent.drain_started.map(drain_start));
    out.made(13, agent.drain.map(v1::DrainInfo::from));
    out.number(12, u64::from(agent.deactivated));
    for one in agent.capabilities.0.iter().rev() {
        out.message(10, |out| out.signed(1, capability::Type::from(*one) as i32));
    }
    resource::list(9, &agent.offered, Spelling::ENDPOINT, out);
    resource::list(8, &agent.used, Spelling::ENDPOINT, out);
    resource::list(7, &agent.total, Spelling::ENDPOINT, out);
    if let Some(at) = agent.reregistered {
        time(6, at, out);
    }
    time(5, agent.registered, out);
    out.text(4, &agent.pid);
    out.text(3, agent.version);
    out.number(2, u64::from(agent.active));
    out.message(1, |out| info(agent, out));
}

/// The fields of `AgentInfo`.
fn info(agent: &Agent<'_>, out: &mut Backwards) {
    let info = agent.info;
    out.made(10, info.domain.as_ref().map(v1::DomainInfo::from));
    out.signed(8, i32::from(info.port));
    out.id(6, agent.id.as_str());
    for one in info.attributes.0.iter().rev() {
        attribute(one, out);
    }
    resource::list(3, &info.resources, Spelling::FULL, out);
    out.text(1, &info.hostname);
}

fn attribute(attribute: &Attribute, out: &mut Backwards) {
    match &attribute.value {
        AttributeValue::Text(text) => out.message(5, |out| {
            out.message(5, |out| out.text(1, text));
            out.signed(2, v1::value::Type::Text as i32);
            out.text(1, &attribute.name);
        }),
        _ => out.made(5, Some(v1::Attribute::from(attribute))),
    }
}

fn time(field: u32, time: Time, out: &mut Backwards) {
    out.message(field, |out| out.number(1, time.nanos() as u64));
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::samples::agents;
    use crate::v1::master::response::get_agents;

    #[test]
    fn an_agent_has_the_bytes_of_its_message() {
        agents(|agent| {
            let mut out = Backwards::default();
            write(agent, &mut out);
            assert_eq!(out.written(), get_agents::Agent::from(agent).encode_to_vec());
        });
    }
}
