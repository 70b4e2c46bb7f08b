//! `/state` as a document.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::classic::master::parts;
use libprocess::http::{Body, Bytes};
use model::Task;

use super::document::{self, Part, Parts, Writer, body, joined, text};
use super::tasks::Which;
use super::{agents, frameworks, master};
use crate::state::{Framework, Snapshot};

/// The body of `/state`. `pid` is this master's own address.
pub(crate) fn classic(snapshot: Arc<Snapshot>, pid: &str, flags: Option<&BTreeMap<String, String>>) -> Body {
    let mut head = Vec::new();
    parts::begin(&master::head(&snapshot, pid, flags), &mut head);
    let all = joined([
        Box::new(std::iter::once(Part::Text(Bytes::from(head)))) as Parts,
        document::agents(&snapshot),
        text(parts::RECOVERED),
        document::recovered(&snapshot),
        text(parts::FRAMEWORKS),
        Box::new(document::running(&snapshot).flat_map(whole)),
        text(parts::COMPLETED),
        Box::new(document::completed(&snapshot).flat_map(whole)),
        text(parts::END),
    ]);
    body(snapshot, all, Classic::default())
}

/// A framework with its tasks.
fn whole(framework: Arc<Framework>) -> impl Iterator<Item = Part> + Send {
    let between = |text: &'static str| Part::Text(Bytes::from_static(text.as_bytes()));
    let tasks = |which| Part::Tasks(framework.clone(), which);
    [
        Part::Framework(framework.clone()),
        tasks(Which::Running),
        between(parts::UNREACHABLE),
        tasks(Which::Unreachable),
        between(parts::ENDED),
        tasks(Which::Completed),
        Part::End(framework),
    ]
    .into_iter()
}

#[derive(Default)]
struct Classic {
    /// Whether something stands before in the list.
    opened: bool,
}

impl Classic {
    fn separate(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.opened, true) {
            out.push(b',');
        }
    }
}

impl Writer for Classic {
    fn write(&mut self, part: &Part, snapshot: &Snapshot, out: &mut Vec<u8>) {
        match part {
            Part::Text(text) => {
                out.extend_from_slice(text);
                self.opened = false;
            }
            Part::Agent(agent) => {
                self.separate(out);
                parts::agent(&agents::shown(snapshot, agent), out);
            }
            Part::Recovered(info) => {
                self.separate(out);
                parts::recovered(info, out);
            }
            Part::Framework(framework) => {
                self.separate(out);
                parts::framework_begin(&frameworks::without_tasks(snapshot, framework), out);
                self.opened = false;
            }
            Part::End(framework) => {
                parts::framework_end(&frameworks::without_tasks(snapshot, framework), out);
                self.opened = true;
            }
            // Executors are in the frameworks' ends, and lists begin with texts.
            Part::Tasks(..) | Part::Executors(_) | Part::List(_) | Part::Over => {}
        }
    }

    fn task(&mut self, task: &Task, out: &mut Vec<u8>) {
        self.separate(out);
        parts::task(task, out);
    }
}
