//! An agent as the operator API spells it in JSON, written without the message in between.

use model::{Attribute, AttributeValue, Time};

use super::resource;
use super::write::{self, Id, Value, each};
use crate::classic::master::Agent;
use crate::convert::{Spelling, drain_start};
use crate::v1;

/// The letters of the agent's message.
pub(crate) fn write(agent: &Agent<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    info(agent, out);
    write::one(out, "\"active\":", &agent.active);
    write::one(out, "\"deactivated\":", &agent.deactivated);
    write::one(out, "\"version\":", agent.version);
    write::one(out, "\"pid\":", &*agent.pid);
    write::one(out, "\"registered_time\":", &Moment(agent.registered));
    write::optional(out, "\"reregistered_time\":", &agent.reregistered.map(Moment));
    resource::list(out, "\"total_resources\":", &agent.total, Spelling::ENDPOINT);
    resource::list(out, "\"allocated_resources\":", &agent.used, Spelling::ENDPOINT);
    resource::list(out, "\"offered_resources\":", &agent.offered, Spelling::ENDPOINT);
    if !agent.capabilities.0.is_empty() {
        each(out, "\"capabilities\":", agent.capabilities.iter(), |one, out| {
            out.push(b'{');
            write::name(out, "\"type\":", one.name());
            write::close(out, b'}');
        });
    }
    write::optional(out, "\"drain_info\":", &agent.drain.map(v1::DrainInfo::from));
    write::optional(out, "\"estimated_drain_start_time\":", &agent.drain_started.map(drain_start));
    write::close(out, b'}');
}

/// What it says of its machine.
fn info(agent: &Agent<'_>, out: &mut Vec<u8>) {
    let info = agent.info;
    out.extend_from_slice(b"\"agent_info\":{");
    write::one(out, "\"hostname\":", &info.hostname);
    write::one(out, "\"port\":", &i32::from(info.port));
    resource::list(out, "\"resources\":", &info.resources, Spelling::FULL);
    if !info.attributes.0.is_empty() {
        each(out, "\"attributes\":", info.attributes.iter(), attribute);
    }
    write::one(out, "\"id\":", &Id(agent.id.as_str()));
    write::optional(out, "\"domain\":", &info.domain.as_ref().map(v1::DomainInfo::from));
    write::close(out, b'}');
    out.push(b',');
}

fn attribute(attribute: &Attribute, out: &mut Vec<u8>) {
    match &attribute.value {
        AttributeValue::Text(text) => {
            out.extend_from_slice(b"{\"name\":");
            attribute.name.write(out);
            out.extend_from_slice(b",\"type\":\"TEXT\",\"text\":{\"value\":");
            text.write(out);
            out.extend_from_slice(b"}}");
        }
        _ => v1::Attribute::from(attribute).write(out),
    }
}

/// A point in time, which is an object with one field.
struct Moment(Time);

impl Value for Moment {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"nanoseconds\":");
        self.0.nanos().write(out);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use crate::samples::agents;
    use crate::v1::master::response::get_agents;

    #[test]
    fn an_agent_is_spelled_as_its_message() {
        agents(|agent| {
            let mut out = Vec::new();
            super::write(agent, &mut out);
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("JSON is text");
            assert_eq!(text(out), text(crate::json::to_vec(&get_agents::Agent::from(agent))));
        });
    }
}
