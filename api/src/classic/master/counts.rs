//! How many tasks are in which state.

use model::TaskState;

use crate::json::write::Value;

/// How many tasks are in each of the states a summary shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts([u64; COUNTED.len()]);

const COUNTED: [TaskState; 10] = [
    TaskState::Staging,
    TaskState::Starting,
    TaskState::Running,
    TaskState::Killing,
    TaskState::Finished,
    TaskState::Killed,
    TaskState::Failed,
    TaskState::Lost,
    TaskState::Error,
    TaskState::Unreachable,
];

impl Counts {
    pub(super) fn add(&mut self, state: TaskState) {
        if let Some(at) = COUNTED.iter().position(|counted| *counted == state) {
            self.0[at] += 1;
        }
    }

    pub(super) fn write_fields(&self, out: &mut Vec<u8>) {
        for (state, count) in COUNTED.iter().zip(self.0) {
            state.write(out);
            out.push(b':');
            count.write(out);
            out.push(b',');
        }
    }
}
