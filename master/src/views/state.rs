//! `/state` as a document.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::classic::master::parts;
use libprocess::http::{Body, Bytes};

use super::document::{self, Part, Parts, Writer, body, joined, text};
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
    body(snapshot, all, Classic { first: true })
}

/// A framework with its tasks.
fn whole(framework: Arc<Framework>) -> Parts {
    let [running, unreachable, ended] = document::tasks(&framework);
    joined([
        Box::new(std::iter::once(Part::Framework(framework.clone()))) as Parts,
        running,
        text(parts::UNREACHABLE),
        unreachable,
        text(parts::ENDED),
        ended,
        Box::new(std::iter::once(Part::End(framework))),
    ])
}

/// Whether the next part is the first of its list.
struct Classic {
    first: bool,
}

impl Writer for Classic {
    fn write(&mut self, part: &Part, snapshot: &Snapshot, out: &mut Vec<u8>) {
        let opens = matches!(part, Part::Text(_) | Part::Framework(_));
        let first = std::mem::replace(&mut self.first, opens);
        if !first && !matches!(part, Part::Text(_) | Part::End(_)) {
            out.push(b',');
        }
        match part {
            Part::Text(text) => out.extend_from_slice(text),
            Part::Agent(agent) => parts::agent(&agents::classic(snapshot, agent), out),
            Part::Recovered(info) => parts::recovered(info, out),
            Part::Framework(framework) => {
                parts::framework_begin(&frameworks::head(snapshot, framework), out);
            }
            Part::Task(task) => parts::task(task, out),
            Part::End(framework) => {
                parts::framework_end(&frameworks::tail(snapshot, framework), out);
            }
            // Executors are in the frameworks' ends, and lists begin with texts.
            Part::Executor(..) | Part::List(_) | Part::Over => {}
        }
    }
}
