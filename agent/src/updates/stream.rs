//! The updates of one task that are not acknowledged yet, oldest first.

use std::collections::VecDeque;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use model::{ExecutorId, FrameworkId, TaskId, TaskState, TaskStatus, UpdateId};

/// How many acknowledged updates of a task are still recognised when its executor sends them again.
const REMEMBERED_MAX: usize = 128;

/// All streams, by framework and task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(OrdMap<(FrameworkId, TaskId), Arc<Stream>>);

/// The updates of one task.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// Whose task it is; the task itself may be one that never reached an executor.
    pub executor: Option<ExecutorId>,
    /// Not acknowledged, oldest first. Only the first may be with the master. A plain list: there is seldom more than one.
    pub pending: VecDeque<Pending>,
    /// Acknowledged lately.
    pub acknowledged: Vector<UpdateId>,
    /// The newest state there is an update of.
    pub latest: TaskState,
    /// Whether the first one was sent to the present master.
    pub sent: bool,
    /// How often it was sent.
    pub attempt: u32,
}

/// An update that is not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub uuid: UpdateId,
    pub status: Arc<TaskStatus>,
    /// Whether it would survive a crash; until then nobody hears of it.
    pub durable: bool,
}

/// What an acknowledgement took off its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Popped {
    pub executor: Option<ExecutorId>,
    /// Nothing follows it: the stream is gone.
    pub last: bool,
}

impl Streams {
    pub(crate) fn get(&self, framework: &FrameworkId, task: &TaskId) -> Option<&Stream> {
        self.0.get(&(framework.clone(), task.clone())).map(Arc::as_ref)
    }

    pub(crate) fn get_mut(&mut self, framework: &FrameworkId, task: &TaskId) -> Option<&mut Stream> {
        self.0.get_mut(&(framework.clone(), task.clone())).map(Arc::make_mut)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&(FrameworkId, TaskId), &Stream)> {
        self.0.iter().map(|(key, stream)| (key, stream.as_ref()))
    }

    /// Whether an update was received before, and if so whether it is on disk.
    pub(crate) fn received(&self, framework: &FrameworkId, task: &TaskId, uuid: UpdateId) -> Option<bool> {
        let stream = self.get(framework, task)?;
        if stream.acknowledged.contains(&uuid) {
            return Some(true);
        }
        stream.pending.iter().find(|pending| pending.uuid == uuid).map(|pending| pending.durable)
    }

    /// Takes an update in; its uuid is new.
    pub(crate) fn push(
        &mut self,
        framework: &FrameworkId,
        executor: Option<&ExecutorId>,
        uuid: UpdateId,
        status: Arc<TaskStatus>,
    ) {
        let key = (framework.clone(), status.task_id.clone());
        let stream = self.0.entry(key).or_insert_with(|| {
            Arc::new(Stream {
                executor: executor.cloned(),
                pending: VecDeque::new(),
                acknowledged: Vector::new(),
                latest: status.state,
                sent: false,
                attempt: 0,
            })
        });
        let stream = Arc::make_mut(stream);
        stream.latest = status.state;
        stream.pending.push_back(Pending { uuid, status, durable: false });
    }

    /// Takes the first update off its stream if `uuid` names it, and ends the stream behind a terminal one.
    pub(crate) fn pop(&mut self, framework: &FrameworkId, task: &TaskId, uuid: UpdateId) -> Option<Popped> {
        let stream = self.get_mut(framework, task)?;
        if stream.pending.front()?.uuid != uuid {
            return None;
        }
        let popped = stream.pending.pop_front()?;
        if stream.pending.is_empty() {
            stream.pending = VecDeque::new();
        }
        stream.acknowledged.push_back(uuid);
        if stream.acknowledged.len() > REMEMBERED_MAX {
            stream.acknowledged.pop_front();
        }
        stream.sent = false;
        stream.attempt = 0;
        let executor = stream.executor.clone();
        let last = popped.status.state.is_terminal();
        if last {
            self.remove(framework, task);
        }
        Some(Popped { executor, last })
    }

    /// A stream all of whose updates were acknowledged, as a snapshot remembers it.
    pub(crate) fn restore(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        executor: Option<ExecutorId>,
        latest: TaskState,
        acknowledged: Vec<UpdateId>,
    ) {
        let stream = Stream {
            executor,
            pending: VecDeque::new(),
            acknowledged: acknowledged.into(),
            latest,
            sent: false,
            attempt: 0,
        };
        self.0.insert((framework.clone(), task.clone()), Arc::new(stream));
    }

    pub(crate) fn remove(&mut self, framework: &FrameworkId, task: &TaskId) {
        self.0.remove(&(framework.clone(), task.clone()));
    }

    /// Ends all streams of a framework: nobody is left to hear them.
    pub(crate) fn remove_framework(&mut self, framework: &FrameworkId) {
        let gone: Vec<_> = self.0.keys().filter(|(of, _)| of == framework).cloned().collect();
        gone.iter().for_each(|key| drop(self.0.remove(key)));
    }

    /// Whether the end of this task is still to be acknowledged.
    pub(crate) fn awaits(&self, framework: &FrameworkId, task: &TaskId) -> bool {
        self.get(framework, task)
            .is_some_and(|stream| stream.pending.iter().any(|pending| pending.status.state.is_terminal()))
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn check(&self) {
        for ((framework, task), stream) in &self.0 {
            let ends = stream.pending.iter().filter(|pending| pending.status.state.is_terminal()).count();
            assert!(ends <= 1, "task {task} of {framework} ends {ends} times");
            if ends == 1 {
                let last = stream.pending.back().expect("it holds the end");
                assert!(last.status.state.is_terminal(), "something follows the end of {task}");
            }
            assert!(stream.pending.iter().all(|pending| pending.status.uuid == Some(pending.uuid)));
            assert!(
                !stream.sent || stream.pending.front().is_some_and(|first| first.durable),
                "sent before it was kept"
            );
            assert!(stream.acknowledged.len() <= REMEMBERED_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: TaskState, uuid: u8) -> Arc<TaskStatus> {
        let mut status = TaskStatus::new("t".into(), state);
        status.uuid = Some(UpdateId::from_bytes([uuid; 16]));
        Arc::new(status)
    }

    fn streams(states: &[TaskState]) -> Streams {
        let mut streams = Streams::default();
        for (n, state) in states.iter().enumerate() {
            let status = status(*state, n as u8);
            streams.push(&"f".into(), None, UpdateId::from_bytes([n as u8; 16]), status);
        }
        streams.check();
        streams
    }

    #[test]
    fn only_the_oldest_update_can_be_acknowledged() {
        let mut streams = streams(&[TaskState::Starting, TaskState::Running]);
        let (framework, task) = (FrameworkId::from("f"), TaskId::from("t"));
        assert_eq!(streams.pop(&framework, &task, UpdateId::from_bytes([1; 16])), None);
        let popped = streams.pop(&framework, &task, UpdateId::from_bytes([0; 16])).unwrap();
        assert!(!popped.last);
        assert_eq!(streams.received(&framework, &task, UpdateId::from_bytes([0; 16])), Some(true));
    }

    #[test]
    fn a_stream_ends_with_the_acknowledgement_of_the_end() {
        let mut streams = streams(&[TaskState::Finished]);
        let (framework, task) = (FrameworkId::from("f"), TaskId::from("t"));
        assert!(streams.awaits(&framework, &task));
        assert!(streams.pop(&framework, &task, UpdateId::from_bytes([0; 16])).unwrap().last);
        assert!(streams.get(&framework, &task).is_none());
    }
}
