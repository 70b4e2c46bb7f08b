//! `/state` in parts, for who writes it while it is read.
//!
//! ```text
//!   begin  agent, agent …  RECOVERED  recovered …  FRAMEWORKS  framework, framework …  COMPLETED  framework …  END
//!                                                  each: framework_begin task … UNREACHABLE task … ENDED task … framework_end
//! ```
//! Parts of one list are separated by commas, which are the writer's.

use model::{AgentInfo, Task};

use super::agent::Recovered;
use super::view::{Agent, Framework, MasterState};
use crate::classic::fields;
use crate::classic::value::{List, Map};
use crate::json::write::Value;

/// Between agents and those that have not come back.
pub const RECOVERED: &str = r#"],"recovered_slaves":["#;
/// Between those and frameworks.
pub const FRAMEWORKS: &str = r#"],"frameworks":["#;
/// Between frameworks and those that ended.
pub const COMPLETED: &str = r#"],"completed_frameworks":["#;
/// After those.
pub const END: &str = r#"],"orphan_tasks":[],"unregistered_frameworks":[]}"#;
/// Between a framework's tasks and those on agents that do not answer.
pub const UNREACHABLE: &str = r#"],"unreachable_tasks":["#;
/// Between those and those that ended.
pub const ENDED: &str = r#"],"completed_tasks":["#;

/// All that comes before the first agent.
pub fn begin(master: &MasterState<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    master.build.write_fields(out);
    fields! { out;
        "start_time": master.start_time,
        "elected_time"?: master.elected_time,
        "id": master.id,
        "pid": master.pid,
        "hostname": master.hostname,
        "capabilities": List(master.capabilities.iter()),
        "activated_slaves": master.activated_agents as f64,
        "deactivated_slaves": master.deactivated_agents as f64,
        "unreachable_slaves": master.unreachable_agents as f64,
        "domain"?: master.domain,
        "leader"?: master.leader.map(|leader| leader.pid),
        "leader_info"?: master.leader,
        "cluster"?: master.cluster,
        "log_dir"?: master.log_dir,
        "external_log_file"?: master.external_log_file,
        "flags"?: master.flags.map(|flags| Map(flags.iter())),
    }
    out.extend_from_slice(br#""slaves":["#);
}

/// An agent.
pub fn agent(agent: &Agent<'_>, out: &mut Vec<u8>) {
    agent.write(out);
}

/// An agent of before a failover that has not come back yet.
pub fn recovered(info: &AgentInfo, out: &mut Vec<u8>) {
    Recovered(info).write(out);
}

/// All of a framework that comes before its tasks.
pub fn framework_begin(framework: &Framework<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    framework.write_head(out);
    out.extend_from_slice(br#""tasks":["#);
}

/// A task, in any list.
pub fn task(task: &Task, out: &mut Vec<u8>) {
    task.write(out);
}

/// All of a framework that comes after its tasks.
pub fn framework_end(framework: &Framework<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"],");
    framework.write_tail(out);
    crate::json::write::close(out, b'}');
}
