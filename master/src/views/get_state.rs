//! GET_STATE as a document.

use std::sync::Arc;

use api::content::MediaType;
use api::state::{List, StateWriter};
use api::v1;
use api::v1::master::response::get_executors;
use libprocess::http::{Body, Bytes};

use super::document::{self, Part, Parts, Writer, body, joined};
use super::{agents, frameworks};
use crate::state::{Agent, Snapshot};

/// The body of the answer.
pub(crate) fn v1(snapshot: Arc<Snapshot>, media: MediaType) -> Body {
    let mut head = Vec::new();
    let writer = StateWriter::begin(media, &mut head);
    let everybody = |snapshot: &Snapshot| document::running(snapshot).chain(document::completed(snapshot));
    let tasks = |which: usize| -> Parts {
        Box::new(everybody(&snapshot).flat_map(move |framework| {
            let mut lists = document::tasks(&framework).into_iter();
            lists.nth(which).expect("there are three lists")
        }))
    };
    let asked = snapshot.clone();
    let agents = snapshot.agents.clone().into_iter();
    let executors = agents.flat_map(move |(_, agent)| executors(&asked, &agent));
    let all = joined([
        Box::new(std::iter::once(Part::Text(Bytes::from(head)))) as Parts,
        list(List::Tasks, tasks(0)),
        list(List::UnreachableTasks, tasks(1)),
        list(List::CompletedTasks, tasks(2)),
        list(List::Executors, Box::new(executors)),
        list(List::Frameworks, Box::new(document::running(&snapshot).map(Part::Framework))),
        list(List::CompletedFrameworks, Box::new(document::completed(&snapshot).map(Part::Framework))),
        list(List::Agents, document::agents(&snapshot)),
        list(List::RecoveredAgents, document::recovered(&snapshot)),
        Box::new(std::iter::once(Part::Over)),
    ]);
    body(snapshot, all, writer)
}

fn list(list: List, items: Parts) -> Parts {
    Box::new(std::iter::once(Part::List(list)).chain(items))
}

/// Those on an agent whose frameworks may still act.
fn executors(snapshot: &Snapshot, agent: &Agent) -> Vec<Part> {
    let running = agent.used.iter().filter(|(framework, used)| {
        !used.executors.is_empty() && snapshot.frameworks.contains_key(*framework)
    });
    let executors = running.flat_map(|(_, used)| used.executors.values());
    executors.map(|info| Part::Executor(agent.id.clone(), info.clone())).collect()
}

impl Writer for StateWriter {
    fn write(&mut self, part: &Part, snapshot: &Snapshot, out: &mut Vec<u8>) {
        match part {
            Part::Text(text) => out.extend_from_slice(text),
            Part::List(list) => self.list(*list, out),
            Part::Agent(agent) => self.item(&agents::v1(snapshot, agent), out),
            Part::Recovered(info) => self.item(&v1::AgentInfo::from(&**info), out),
            Part::Framework(framework) => self.item(&frameworks::v1(snapshot, framework), out),
            Part::Task(task) => self.task(task, out),
            Part::Executor(agent, info) => {
                let executor =
                    get_executors::Executor { executor_info: (&**info).into(), agent_id: agent.into() };
                self.item(&executor, out);
            }
            Part::Over => self.end(out),
            Part::End(_) => {} // a framework is one item here
        }
    }
}
