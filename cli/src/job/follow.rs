//! What tasks write, copied as it appears: their stdout to ours, their stderr to ours.

use std::io::Write;

use model::{FrameworkId, TaskId, TaskStatus};
use serde_json::json;

use crate::client::{Cluster, Growing, Sandbox};
use crate::output;

/// The tasks that are followed.
pub(super) struct Followed {
    tasks: Vec<Task>,
    /// Whether lines bear the task's id.
    named: bool,
}

struct Task {
    id: TaskId,
    /// What a lookup of its sandbox needs: no more than the master's own record holds.
    record: serde_json::Value,
    sandbox: Option<Sandbox>,
    files: [File; 2],
}

/// One file and how much of it was copied.
struct File {
    growing: Growing,
    /// The beginning of a line whose end has not been seen, when lines are named.
    partial: Vec<u8>,
}

impl File {
    fn new(name: &'static str) -> File {
        File { growing: Growing::new(name), partial: Vec::new() }
    }
}

impl Followed {
    pub(super) fn new(named: bool) -> Followed {
        Followed { tasks: Vec::new(), named }
    }

    /// Follows a task from its beginning; once, however often it is said to run.
    pub(super) fn add(&mut self, status: &TaskStatus, framework: &FrameworkId) {
        if self.tasks.iter().any(|task| task.id == status.task_id) {
            return;
        }
        let agent = status.agent_id.as_ref().map(ToString::to_string);
        let record = json!({
            "id": status.task_id.to_string(),
            "executor_id": "",
            "framework_id": framework.to_string(),
            "slave_id": agent,
        });
        let files = [File::new("stdout"), File::new("stderr")];
        self.tasks.push(Task { id: status.task_id.clone(), record, sandbox: None, files });
    }

    /// Copies what is new of every task.
    pub(super) async fn copy(&mut self, cluster: &Cluster) -> anyhow::Result<()> {
        for task in &mut self.tasks {
            task.copy(cluster, self.named).await?;
        }
        Ok(())
    }

    /// Copies what is left of a task that has ended, and forgets it.
    pub(super) async fn finish(&mut self, cluster: &Cluster, id: &TaskId) -> anyhow::Result<()> {
        let Some(at) = self.tasks.iter().position(|task| task.id == *id) else { return Ok(()) };
        let mut task = self.tasks.swap_remove(at);
        task.copy(cluster, self.named).await?;
        for file in &mut task.files {
            if !file.partial.is_empty() {
                let line = std::mem::take(&mut file.partial);
                print(file.growing.name(), &[format!("{id}: ").as_bytes(), &line, b"\n"].concat())?;
            }
        }
        Ok(())
    }
}

impl Task {
    async fn copy(&mut self, cluster: &Cluster, named: bool) -> anyhow::Result<()> {
        if self.sandbox.is_none() {
            self.sandbox = Some(cluster.sandbox(&self.record).await?);
        }
        let Some(sandbox) = &self.sandbox else { return Ok(()) };
        for file in &mut self.files {
            let File { growing, partial } = file;
            let name = growing.name().to_owned();
            let take = |data: &[u8]| match named {
                true => print(&name, &lines(&self.id, partial, data)),
                false => print(&name, data),
            };
            growing.copy(sandbox, take).await?;
        }
        Ok(())
    }
}

/// The whole lines in `data`, each behind the task's id; the rest stays in `partial`.
fn lines(id: &TaskId, partial: &mut Vec<u8>, data: &[u8]) -> Vec<u8> {
    partial.extend_from_slice(data);
    let Some(end) = partial.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
    let rest = partial.split_off(end + 1);
    let whole = std::mem::replace(partial, rest);
    let named = whole.split_inclusive(|byte| *byte == b'\n');
    named.flat_map(|line| [format!("{id}: ").as_bytes(), line].concat()).collect()
}

fn print(file: &str, bytes: &[u8]) -> anyhow::Result<()> {
    if file == "stdout" {
        return output::raw(bytes);
    }
    std::io::stderr().write_all(bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_tasks_are_told_apart_and_never_cut() {
        let id = TaskId::new("t-1");
        let mut partial = Vec::new();
        assert_eq!(lines(&id, &mut partial, b"one\ntw"), b"t-1: one\n");
        assert_eq!(lines(&id, &mut partial, b"o\n"), b"t-1: two\n");
        assert!(partial.is_empty());
    }
}
