//! What the agent says of tasks and executors, beside what a scheduler heard of the captured one.

use std::collections::BTreeSet;

use api::v1;
use api_conformance::differences;
use model::TaskStatus;
use serde_json::Value;

use crate::story::{GOLDEN, Story};

impl Story<'_> {
    /// Compares each update of these tasks with the captured ones, in the order of each task.
    pub(crate) fn compare_updates(&mut self, folder: &str, stream: &str, tasks: &[&str]) {
        let captured = captured(folder, stream);
        self.judge.replayed(&format!("{folder}/{stream}"));
        for task in tasks {
            let place = format!("{folder}/{stream}/{task}");
            let golden: Vec<Value> = captured
                .iter()
                .filter(|status| status["task_id"]["value"] == *task)
                .map(|status| self.local_value(status))
                .collect();
            let ours: Vec<Value> =
                self.updates.iter().filter(|status| status.task_id.as_str() == *task).map(spelled).collect();
            assert!(!golden.is_empty(), "{place} is captured");
            if golden.len() != ours.len() {
                self.judge.note(&place, &format!(": {} updates instead of {}", ours.len(), golden.len()));
            }
            for (golden, ours) in golden.into_iter().zip(ours) {
                let at = format!("{place}/{}", golden["state"].as_str().unwrap_or_default());
                for line in differences(&heads(golden), &heads(ours)) {
                    self.judge.note(&at, &line);
                }
            }
        }
    }

    /// Compares how an executor ended: the wait status of its container.
    pub(crate) fn compare_exit(&mut self, folder: &str, stream: &str, executor: &str) {
        let ours = self.await_exit(executor);
        let of_it = |event: &Value| event["failure"]["executor_id"]["value"] == executor;
        let golden = GOLDEN
            .stream(&format!("{folder}/{stream}"))
            .events
            .into_iter()
            .find(of_it)
            .expect("its end is captured");
        let golden = &golden["failure"]["status"];
        if *golden != ours {
            self.judge
                .note(&format!("{folder}/{stream}/{executor}"), &format!(": {ours} instead of {golden}"));
        }
    }
}

/// The updates that came from an agent, each once.
fn captured(folder: &str, stream: &str) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let events = GOLDEN.stream(&format!("{folder}/{stream}")).events.into_iter();
    let statuses =
        events.filter(|event| event["type"] == "UPDATE").map(|event| event["update"]["status"].clone());
    statuses
        .filter(|status| status["source"] != "SOURCE_MASTER" && seen.insert(status["uuid"].to_string()))
        .collect()
}

fn spelled(status: &TaskStatus) -> Value {
    serde_json::from_slice(&api::json::to_vec(&v1::TaskStatus::from(status))).expect("JSON")
}

/// Without the figures of memory, which each kernel has its own of.
fn heads(mut status: Value) -> Value {
    let message = status["message"].as_str().unwrap_or_default();
    if let Some((head, figures)) = message.split_once("MEMORY STATISTICS: \n") {
        assert!(figures.lines().any(|line| line.starts_with("rss ")), "{figures}");
        status["message"] = head.into();
    }
    status
}
