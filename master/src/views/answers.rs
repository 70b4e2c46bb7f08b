//! The operator API's large answers as documents: GET_STATE, its four parts, and what a watcher is told first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::content::MediaType;
use api::state::{Answer, AnswerWriter, List};
use api::v1;
use api::v1::master::response::get_executors;
use libprocess::http::{Body, Bytes};
use model::{FrameworkId, InverseOffer, Task};

use super::document::{self, Part, Parts, Writer, joined};
use super::tasks::Which;
use super::{agents, frameworks};
use crate::state::{Framework, Snapshot};

/// The body of an answer.
pub(crate) fn body(snapshot: Arc<Snapshot>, answer: Answer, media: MediaType) -> Body {
    let (parts, spelled) = begin(&snapshot, answer, media);
    document::body(snapshot, parts, spelled)
}

/// The event that begins a watcher's stream: everything there is.
pub(crate) fn subscribed(snapshot: Arc<Snapshot>, heartbeat: Duration, media: MediaType) -> Vec<u8> {
    let (parts, spelled) = begin(&snapshot, Answer::Subscribed { heartbeat }, media);
    document::whole(snapshot, parts, spelled)
}

fn begin(snapshot: &Snapshot, answer: Answer, media: MediaType) -> (Parts, Spelled) {
    let mut head = Vec::new();
    let writer = AnswerWriter::begin(answer, media, &mut head);
    let lists = answer
        .lists()
        .map(|list| Box::new(std::iter::once(Part::List(list)).chain(items(snapshot, list))) as Parts);
    let asked_to_leave = match answer.lists().any(|list| list == List::Frameworks) {
        true => frameworks::asked_to_leave(snapshot),
        false => BTreeMap::new(),
    };
    let head: Parts = Box::new(std::iter::once(Part::Text(Bytes::from(head))));
    let over: Parts = Box::new(std::iter::once(Part::Over));
    let all: Vec<Parts> = std::iter::once(head).chain(lists).chain([over]).collect();
    (joined(all), Spelled { writer, asked_to_leave })
}

fn items(snapshot: &Snapshot, list: List) -> Parts {
    let tasks = |which| -> Parts {
        let everybody = document::running(snapshot).chain(document::completed(snapshot));
        Box::new(everybody.map(move |framework| Part::Tasks(framework, which)))
    };
    match list {
        List::Tasks => tasks(Which::Running),
        List::UnreachableTasks => tasks(Which::Unreachable),
        List::CompletedTasks => tasks(Which::Completed),
        List::Executors => Box::new(document::running(snapshot).map(Part::Executors)),
        List::Frameworks => Box::new(document::running(snapshot).map(Part::Framework)),
        List::CompletedFrameworks => Box::new(document::completed(snapshot).map(Part::Framework)),
        List::Agents => document::agents(snapshot),
        List::RecoveredAgents => document::recovered(snapshot),
    }
}

struct Spelled {
    writer: AnswerWriter,
    /// Of frameworks that are shown.
    asked_to_leave: BTreeMap<FrameworkId, Vec<Arc<InverseOffer>>>,
}

impl Spelled {
    /// Those that agents make for command tasks are the agents' affair.
    fn executors(&mut self, framework: &Framework, out: &mut Vec<u8>) {
        for ((agent, _), info) in &framework.executors {
            let (executor_info, agent_id) = ((&**info).into(), agent.into());
            self.writer.item(&get_executors::Executor { executor_info, agent_id }, out);
        }
    }
}

impl Writer for Spelled {
    fn write(&mut self, part: &Part, snapshot: &Snapshot, out: &mut Vec<u8>) {
        match part {
            Part::Text(text) => out.extend_from_slice(text),
            Part::List(list) => self.writer.list(*list, out),
            Part::Agent(agent) => self.writer.agent(&agents::shown(snapshot, agent), out),
            Part::Recovered(info) => self.writer.item(&v1::AgentInfo::from(&**info), out),
            Part::Framework(framework) => {
                let asked = self.asked_to_leave.get(&framework.id).map_or(&[][..], Vec::as_slice);
                self.writer.item(&frameworks::v1(snapshot, framework, asked), out);
            }
            Part::Executors(framework) => self.executors(framework, out),
            Part::Over => self.writer.end(out),
            Part::Tasks(..) | Part::End(_) => {} // a framework is one item here
        }
    }

    fn task(&mut self, task: &Task, out: &mut Vec<u8>) {
        self.writer.task(task, out);
    }
}
