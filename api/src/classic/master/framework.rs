//! A framework in a master's bodies, with its tasks, offers and executors.

use model::{AgentId, ExecutorInfo, FrameworkInfo, Offer, Time};

use super::view::Framework;
use crate::classic::fields;
use crate::classic::value::{Command, List, object, some, write_object};
use crate::json::write::{self, Value};
use crate::v1;

impl Value for Framework<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        write_object(out, |out| self.write_fields(out));
    }
}

impl Framework<'_> {
    pub(super) fn write_summary(&self, out: &mut Vec<u8>) {
        fields! { out;
            "id": self.id,
            "name": self.info.name,
            "pid"?: self.pid,
            "used_resources": self.used,
            "offered_resources": self.offered,
            "capabilities": self.info.capabilities,
            "hostname": self.info.hostname.as_deref().unwrap_or_default(),
            "webui_url": self.info.webui_url.as_deref().unwrap_or_default(),
            "active": self.active,
            "connected": self.connected,
            "recovered": self.recovered,
        }
    }

    pub(super) fn write_fields(&self, out: &mut Vec<u8>) {
        self.write_head(out);
        fields! { out;
            "tasks": List(self.tasks.iter()),
            "unreachable_tasks": List(self.unreachable_tasks.iter()),
            "completed_tasks": List(self.completed_tasks.iter()),
        }
        self.write_tail(out);
    }

    /// What comes before the tasks.
    pub(super) fn write_head(&self, out: &mut Vec<u8>) {
        let info = self.info;
        self.write_summary(out);
        fields! { out;
            "user": info.user,
            "failover_timeout": info.failover_timeout.as_secs_f64(),
            "checkpoint": info.checkpoint,
            "registered_time": self.registered,
            "unregistered_time": self.unregistered.unwrap_or(Time::START),
            "principal"?: info.principal,
            "resources": self.used.as_ref().clone() + self.offered.as_ref().clone(),
            "reregistered_time"?: self.reregistered.filter(|time| *time != self.registered),
        }
        write_roles(info, out);
    }

    /// What comes after them.
    pub(super) fn write_tail(&self, out: &mut Vec<u8>) {
        let executors = self.executors.iter().map(|(agent, info)| Executor { agent, info });
        fields! { out;
            "offers": List(self.offers.iter()),
            "executors": List(executors.clone()),
            "labels"?: some(&self.info.labels),
            "offer_constraints": self.offer_constraints.map(v1::scheduler::OfferConstraints::from).unwrap_or_default(),
        }
    }
}

/// The list of roles, or the one of a framework that knows only one.
pub(in crate::classic) fn write_roles(info: &FrameworkInfo, out: &mut Vec<u8>) {
    if info.capabilities.multi_role() {
        write::one(out, "\"roles\":", &List(info.roles.iter()));
    } else {
        write::one(out, "\"role\":", info.role.as_ref().map_or("*", |role| role.as_str()));
    }
}

impl Value for Offer {
    fn write(&self, out: &mut Vec<u8>) {
        let allocation = object(|out| write::one(out, "\"role\":", &self.role));
        write_object(out, |out| {
            fields! { out;
                "id": self.id,
                "framework_id": self.framework_id,
                "allocation_info": allocation,
                "slave_id": self.agent_id,
                "resources": self.resources,
            }
        });
    }
}

#[derive(Clone)]
struct Executor<'a> {
    agent: &'a AgentId,
    info: &'a ExecutorInfo,
}

impl Value for Executor<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let Executor { agent, info } = self;
        let role = info.resources.iter().find_map(|resource| resource.allocation.as_ref());
        write_object(out, |out| {
            fields! { out;
                "executor_id": info.id,
                "name": info.name.as_deref().unwrap_or_default(),
                "framework_id": info.framework_id.as_ref().map_or("", |id| id.as_str()),
                "command": Command(info.command.as_ref()),
                "resources": info.resources,
                "role"?: role,
                "labels"?: some(&info.labels),
                "type"?: info.kind,
                "slave_id": agent,
            }
        });
    }
}
