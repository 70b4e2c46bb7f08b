//! What the captured agent said of tasks and executors, as far as their scheduler heard of it.

use std::collections::{BTreeMap, VecDeque};

use model::{ExecutorId, TaskId, TaskStatus};
use serde_json::Value;

/// The parts of one agent's play.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// Updates of each task, in order.
    pub(crate) statuses: BTreeMap<TaskId, VecDeque<TaskStatus>>,
    /// Executors that were seen to end, with their wait status.
    pub(crate) ends: BTreeMap<ExecutorId, i32>,
    /// What executors sent to their scheduler.
    pub(crate) messages: BTreeMap<ExecutorId, Vec<u8>>,
}

impl Script {
    /// Reads the events of a scheduler's stream.
    pub(crate) fn read(events: &[Value]) -> Script {
        let mut script = Script::default();
        for event in events {
            script.add(event);
        }
        script
    }

    fn add(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            // A master's own updates have no uuid.
            "UPDATE" if event["update"]["status"]["uuid"].is_string() => {
                let spelled: api::v1::TaskStatus =
                    serde_json::from_value(event["update"]["status"].clone()).expect("a status");
                let status = TaskStatus::try_from(spelled).expect("a valid one");
                let known = self.statuses.entry(status.task_id.clone()).or_default();
                // One that nobody acknowledged was sent again.
                if known.iter().all(|other| other.uuid != status.uuid) {
                    known.push_back(status);
                }
            }
            "FAILURE" => {
                let failure = &event["failure"];
                if let (Some(executor), Some(status)) =
                    (failure["executor_id"]["value"].as_str(), failure["status"].as_i64())
                {
                    let status = i32::try_from(status).expect("a wait status is small");
                    self.ends.insert(executor.into(), status);
                }
            }
            "MESSAGE" => {
                let spelled: api::v1::scheduler::event::Message =
                    serde_json::from_value(event["message"].clone()).expect("a message");
                self.messages.insert(spelled.executor_id.into(), spelled.data);
            }
            _ => {}
        }
    }
}
