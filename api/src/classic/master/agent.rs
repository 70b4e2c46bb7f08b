//! An agent in a master's bodies.

use model::AgentInfo;

use super::view::Agent;
use crate::classic::fields;
use crate::classic::value::{by_role, drain_info, write_object};
use crate::json::write::Value;

impl Value for Agent<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        write_object(out, |out| self.write_fields(out));
    }
}

impl Agent<'_> {
    pub(super) fn write_fields(&self, out: &mut Vec<u8>) {
        let reserved = self.total.reservations();
        fields! { out;
            "id": self.id,
            "hostname": self.info.hostname,
            "port": u32::from(self.info.port),
            "attributes": self.info.attributes,
            "domain"?: self.info.domain,
            "pid": self.pid,
            "registered_time": self.registered,
            "reregistered_time"?: self.reregistered,
            "resources": self.total,
            "used_resources": self.used,
            "offered_resources": self.offered,
            "reserved_resources": by_role(&reserved),
            "unreserved_resources": self.total.unreserved(),
            "active": self.active,
            "deactivated": self.deactivated,
            "version": self.version,
            "capabilities": self.capabilities,
            "drain_info"?: self.drain.map(drain_info),
            "estimated_drain_start_time_seconds"?: self.drain_started,
        }
    }
}

/// An agent of before a failover that has not come back yet.
pub(super) struct Recovered<'a>(pub(super) &'a AgentInfo);

impl Value for Recovered<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let info = self.0;
        write_object(out, |out| {
            fields! { out;
                "id": info.id.as_ref().map_or("", |id| id.as_str()),
                "hostname": info.hostname,
                "port": u32::from(info.port),
                "attributes": info.attributes,
                "domain"?: info.domain,
            }
        });
    }
}
