//! The state as a whole: finding things, moving them, and what is always true.

use std::sync::Arc;

use imbl::{OrdMap, Vector};
use libprocess::Upid;
use model::{
    AgentId, AgentInfo, ContainerId, DrainConfig, ExecutorId, FrameworkId, Resources, TaskId, Time, UpdateId,
};

use super::settings::{COMPLETED_FRAMEWORKS_MAX, COMPLETED_TASKS_MAX};
use super::{Container, Counters, Executor, Framework, Ids, Link, Settings};
use crate::operations::{Outcome, Work};
use crate::recovery::Known;
use crate::updates::Streams;

/// An executor's full name.
pub(crate) type Key = (FrameworkId, ExecutorId);

/// What the agent does at all.
///
/// | from           | on                                            | to             |
/// |----------------|-----------------------------------------------|----------------|
/// | `Recovering`   | journal read, containers looked at            | `Reconnecting` |
/// | `Reconnecting` | all executors are back, or their time is over | `Running`      |
/// | any            | told to shut down                             | `Terminating`  |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Recovering,
    Reconnecting,
    Running,
    Terminating,
}

/// How an agent is being emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drain {
    pub config: DrainConfig,
    pub started: Time,
}

/// All an agent knows. A clone shares everything, so publishing one costs a few reference counts.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub settings: Arc<Settings>,
    pub started: Time,
    pub life: Life,
    /// Given by the first master it registered with; kept for ever.
    pub id: Option<AgentId>,
    /// What it said of itself when it was last taken in, as the journal has it.
    pub known: Option<Arc<Known>>,
    pub link: Link,
    /// Where masters are asked, in turn.
    pub masters: Vec<Upid>,
    /// The highest epoch a master showed; older ones are refused.
    pub epoch: u64,
    pub frameworks: OrdMap<FrameworkId, Arc<Framework>>,
    /// Frameworks without executors, oldest first, at most 50.
    pub completed: Vector<Arc<Framework>>,
    /// Which executor has a task, queued ones included.
    pub placed: OrdMap<(FrameworkId, TaskId), ExecutorId>,
    pub streams: Streams,
    /// Those asked for over the API; nested ones are never outlived by what is around them.
    pub containers: OrdMap<ContainerId, Arc<Container>>,
    /// All it has: what it was started with, as operations have changed it.
    pub total: Resources,
    /// What the master that is spoken to knows to be revocable.
    pub oversubscribed: Resources,
    /// What the journal says operations made; only until it is read.
    pub kept: Option<Resources>,
    /// Operations whose end nobody has acknowledged.
    pub operations: OrdMap<UpdateId, Arc<Outcome>>,
    /// What is being done to volumes' directories, if anything is.
    pub work: Option<Work>,
    /// How it is being emptied, if it is.
    pub drain: Option<Drain>,
    pub counters: Counters,
    pub ids: Ids,
}

impl State {
    pub(crate) fn new(settings: Arc<Settings>, seed: u64, now: Time) -> Self {
        Self {
            total: settings.resources.clone(),
            oversubscribed: Resources::default(),
            kept: None,
            operations: OrdMap::new(),
            work: None,
            drain: None,
            settings,
            started: now,
            life: Life::Recovering,
            id: None,
            known: None,
            link: Link::Idle,
            masters: Vec::new(),
            epoch: 0,
            frameworks: OrdMap::new(),
            completed: Vector::new(),
            placed: OrdMap::new(),
            streams: Streams::default(),
            containers: OrdMap::new(),
            counters: Counters::default(),
            ids: Ids::seeded(seed),
        }
    }

    /// What the agent says of itself, with its id when it has one.
    pub(crate) fn info(&self) -> AgentInfo {
        let mut info = self.settings.info.clone();
        info.id = self.id.clone();
        info
    }

    /// Nothing that an earlier agent of this machine did is this one's, but what it was to keep.
    pub(crate) fn forget_all(&mut self) {
        let mut anew = State::new(Arc::clone(&self.settings), 0, self.started);
        anew.ids = self.ids;
        anew.masters = std::mem::take(&mut self.masters);
        anew.counters = self.counters.clone();
        anew.kept = self.kept.take();
        *self = anew;
    }

    pub(crate) fn framework_mut(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        self.frameworks.get_mut(id).map(Arc::make_mut)
    }

    pub(crate) fn executor(&self, (framework, executor): &Key) -> Option<&Executor> {
        self.frameworks.get(framework)?.executors.get(executor).map(Arc::as_ref)
    }

    pub(crate) fn executor_mut(&mut self, (framework, executor): &Key) -> Option<&mut Executor> {
        self.framework_mut(framework)?.executors.get_mut(executor).map(Arc::make_mut)
    }

    /// The executor in this container.
    pub(crate) fn executor_in(&self, container: &ContainerId) -> Option<Key> {
        self.executors()
            .find(|executor| executor.container == *container)
            .map(|executor| (executor.framework.clone(), executor.id.clone()))
    }

    pub(crate) fn container_mut(&mut self, id: &ContainerId) -> Option<&mut Container> {
        self.containers.get_mut(id).map(Arc::make_mut)
    }

    /// Those inside of a container, the outer before the inner.
    pub(crate) fn containers_inside<'a>(
        &'a self,
        id: &'a ContainerId,
    ) -> impl Iterator<Item = &'a Container> {
        let after = (std::ops::Bound::Excluded(id.clone()), std::ops::Bound::Unbounded);
        let found = self.containers.range(after).take_while(|(other, _)| other.path().starts_with(id.path()));
        found.map(|(_, container)| container.as_ref())
    }

    /// Whether nothing that was launched is left running.
    pub(crate) fn runs_nothing(&self) -> bool {
        self.executors().all(Executor::is_ended) && self.containers.values().all(|one| one.is_ended())
    }

    /// Every executor that is not history.
    pub(crate) fn executors(&self) -> impl Iterator<Item = &Executor> {
        self.frameworks.values().flat_map(|framework| framework.executors.values()).map(Arc::as_ref)
    }

    /// The executor that has this task, queued or given.
    pub(crate) fn holder(&self, framework: &FrameworkId, task: &TaskId) -> Option<Key> {
        let executor = self.placed.get(&(framework.clone(), task.clone()))?;
        Some((framework.clone(), executor.clone()))
    }

    /// The framework, taken up again with its history if it was here before.
    pub(crate) fn framework_or_new(
        &mut self,
        info: &Arc<model::FrameworkInfo>,
        id: &FrameworkId,
    ) -> &mut Framework {
        if !self.frameworks.contains_key(id) {
            let known = self.completed.iter().position(|framework| framework.id == *id);
            let framework = match known {
                Some(at) => {
                    let mut framework = Framework::clone(&self.completed.remove(at));
                    framework.info = info.clone();
                    framework.terminating = false;
                    framework
                }
                None => Framework::new(id.clone(), info.clone()),
            };
            self.frameworks.insert(id.clone(), Arc::new(framework));
        }
        self.framework_mut(id).expect("it was just put there")
    }

    /// Moves an ended task into its executor's history.
    pub(crate) fn complete_task(&mut self, key: &Key, task: &TaskId) {
        self.placed.remove(&(key.0.clone(), task.clone()));
        let Some(executor) = self.executor_mut(key) else { return };
        if let Some(record) = executor.terminated.remove(task) {
            remember(&mut executor.completed, record, COMPLETED_TASKS_MAX);
        }
    }

    /// Moves an ended executor, and its framework if it was the last, into history. Does nothing while a last update
    /// is not acknowledged.
    pub(crate) fn forget_executor(&mut self, key: &Key) -> bool {
        let max = self.settings.max_completed_executors;
        let Some(executor) = self.executor(key) else { return false };
        if !executor.is_ended() || !executor.terminated.is_empty() {
            return false;
        }
        assert!(executor.tasks.is_empty() && executor.queued.is_empty(), "an ended executor runs nothing");
        let framework = self.framework_mut(&key.0).expect("it has the executor");
        let executor = framework.executors.remove(&key.1).expect("it was just seen");
        remember(&mut framework.completed, executor, max);
        if framework.executors.is_empty() {
            let framework = self.frameworks.remove(&key.0).expect("it was just seen");
            remember(&mut self.completed, framework, COMPLETED_FRAMEWORKS_MAX);
        }
        true
    }

    /// Everything that is always true between two turns.
    ///
    /// # Panics
    ///
    /// When one of them is not.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn check(&self) {
        use crate::operations::Step;
        let mut held = OrdMap::new();
        for (id, framework) in &self.frameworks {
            assert_eq!(*id, framework.id);
            assert!(!framework.executors.is_empty(), "framework {id} has nothing left here");
            assert!(framework.completed.len() <= self.settings.max_completed_executors);
            for (id, executor) in &framework.executors {
                assert_eq!((id, &framework.id), (&executor.id, &executor.framework));
                let mut hold = |task: &TaskId| {
                    let before = held.insert((framework.id.clone(), task.clone()), id.clone());
                    assert_eq!(before, None, "task {task} is in two places");
                };
                executor.queued_tasks().for_each(|task| hold(&task.id));
                executor.tasks.keys().for_each(&mut hold);
                executor.terminated.keys().for_each(&mut hold);
                executor.check();
                for task in executor.terminated.keys() {
                    assert!(
                        framework.terminating || self.streams.awaits(&framework.id, task),
                        "task {task} ended, and nobody is told"
                    );
                }
            }
        }
        assert_eq!(
            self.total.original(),
            self.settings.resources.original(),
            "operations make nothing of nothing"
        );
        for outcome in self.operations.values() {
            assert!(!(outcome.durable && outcome.is_pending()), "nobody is told of what has no outcome");
        }
        if let Some(Step::Removing(uuid)) = self.work.as_ref().map(|work| &work.step) {
            assert!(self.operations[uuid].is_pending(), "what is decided is not carried out");
        }
        assert!(held == self.placed, "the index of tasks is not what the executors hold");
        assert!(self.completed.len() <= COMPLETED_FRAMEWORKS_MAX);
        assert!(self.completed.iter().all(|framework| !self.frameworks.contains_key(&framework.id)));
        self.streams.check();
        for (id, container) in &self.containers {
            assert_eq!(*id, container.id);
            assert_eq!(container.is_ended(), container.end.is_some(), "{id} ended, or did not");
            assert!(!(container.session && container.checkpoint), "session {id} is not remembered");
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl Executor {
    fn check(&self) {
        use super::{Phase, Run};
        let alive = |task: &Arc<model::Task>| !task.state.is_terminal();
        assert!(self.tasks.values().all(alive), "an ended task among the living of {}", self.id);
        assert!(!self.terminated.values().any(alive), "a living task among the ended of {}", self.id);
        assert!(self.completed.len() <= COMPLETED_TASKS_MAX);
        assert_eq!(self.run == Run::Ended, self.is_ended(), "{}", self.id);
        match self.phase {
            Phase::Registering => assert!(self.stream.is_none(), "{} subscribed unnoticed", self.id),
            Phase::Running => {
                let waits = self.queued.front().is_some_and(|first| first.durable && first.shown);
                assert!(self.stream.is_none() || !waits, "{} waits for nothing", self.id);
            }
            Phase::Terminating => {}
            Phase::Terminated => {
                assert!(self.queued.is_empty() && self.tasks.is_empty(), "{} ended with tasks", self.id);
                assert!(!self.terminated.is_empty(), "{} ended and was kept", self.id);
            }
        }
    }
}

/// Appends to a bounded history: the oldest goes.
fn remember<T: Clone>(history: &mut Vector<T>, item: T, max: usize) {
    history.push_back(item);
    while history.len() > max {
        history.pop_front();
    }
}
