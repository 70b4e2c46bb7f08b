//! Tasks: running, unreachable and completed ones, of running and of completed frameworks.

use std::hint::black_box;
use std::ops::Bound;
use std::sync::Arc;

use api::classic::task::TaskQuery;
use imbl::OrdMap;
use model::{FrameworkId, Resource, Task, TaskId};

use crate::state::{Framework, Snapshot};

/// Tasks among which those asked for are: of one framework or of all, by one id or by any.
pub(crate) fn asked_for<'a>(
    snapshot: &'a Snapshot,
    query: &TaskQuery,
) -> Box<dyn Iterator<Item = &'a Task> + 'a> {
    let framework = query.framework_id.as_deref().map(FrameworkId::from);
    let frameworks: Box<dyn Iterator<Item = &Arc<Framework>>> = match framework {
        None => Box::new(snapshot.frameworks.values().chain(&snapshot.completed_frameworks)),
        Some(id) => {
            let running = snapshot.frameworks.get(&id);
            let completed = snapshot.completed_frameworks.iter();
            Box::new(running.into_iter().chain(completed.filter(move |framework| framework.id == id)))
        }
    };
    let task = query.task_id.as_deref().map(TaskId::from);
    Box::new(frameworks.flat_map(move |framework| of(framework, task.as_ref())).map(|task| &**task))
}

/// A framework's tasks: running, unreachable and completed ones. Of one id there are few.
fn of<'a>(framework: &'a Framework, only: Option<&TaskId>) -> Box<dyn Iterator<Item = &'a Arc<Task>> + 'a> {
    let Some(id) = only.cloned() else {
        let running = framework.tasks.values().chain(framework.unreachable_tasks.values());
        return Box::new(running.chain(&framework.completed_tasks));
    };
    let running = framework.tasks.get(&id).into_iter().chain(framework.unreachable_tasks.get(&id));
    Box::new(running.chain(framework.completed_tasks.iter().filter(move |task| task.id == id)))
}

/// Which of a framework's lists of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Running,
    Unreachable,
    Completed,
}

/// One walk along a list of tasks, with rests.
pub(crate) struct Run {
    framework: Arc<Framework>,
    which: Which,
    /// Where it rests: behind this task, or after so many.
    last: Option<TaskId>,
    passed: usize,
}

/// So many tasks are looked at before the first of them is handed out.
const AHEAD: usize = 32;

impl Run {
    pub(crate) fn new(framework: Arc<Framework>, which: Which) -> Run {
        Run { framework, which, last: None, passed: 0 }
    }

    /// Hands out tasks until the taker has enough, which is when it answers `false`. Tells whether those were all.
    pub(crate) fn go_on(&mut self, each: impl FnMut(&Task) -> bool) -> bool {
        let rest = match self.which {
            Which::Running => hand_out(behind(&self.framework.tasks, self.last.as_ref()), each),
            Which::Unreachable => {
                hand_out(behind(&self.framework.unreachable_tasks, self.last.as_ref()), each)
            }
            Which::Completed => hand_out(self.framework.completed_tasks.iter().skip(self.passed), each),
        };
        let Some((last, count)) = rest else { return true };
        self.passed += count;
        self.last = Some(last.id.clone());
        false
    }
}

/// The tasks that follow one, or all.
fn behind<'a>(
    tasks: &'a OrdMap<TaskId, Arc<Task>>,
    last: Option<&TaskId>,
) -> impl Iterator<Item = &'a Arc<Task>> {
    let from = last.map_or(Bound::Unbounded, Bound::Excluded);
    tasks.range::<_, TaskId>((from, Bound::Unbounded)).map(|(_, task)| task)
}

/// The last task that was wanted, and how many there were; nothing when there are no more.
fn hand_out<'a>(
    mut tasks: impl Iterator<Item = &'a Arc<Task>>,
    mut each: impl FnMut(&Task) -> bool,
) -> Option<(&'a Task, usize)> {
    let mut count = 0;
    loop {
        let mut ahead = [None; AHEAD];
        for (place, task) in ahead.iter_mut().zip(&mut tasks) {
            *place = Some(task);
        }
        look_at(&ahead);
        for task in ahead {
            let task = task?;
            count += 1;
            if !each(task) {
                return Some((task, count));
            }
        }
    }
}

/// The first and the last letter: a text may begin in one line of the memory and end in the next.
fn letters(text: &str) -> usize {
    let ends = [text.as_bytes().first(), text.as_bytes().last()];
    ends.into_iter().flatten().map(|letter| usize::from(*letter)).sum()
}

/// Tasks lie all over the memory, and the processor waits for each in turn, unless it meets several that have nothing to do with
/// each other: then it waits for all of them at once.
fn look_at(tasks: &[Option<&Arc<Task>>; AHEAD]) {
    let tasks = || tasks.iter().flatten();
    // Something of each of the lines a task takes.
    let lines = |task: &&Arc<Task>| {
        let lists = task.resources.len() + task.statuses.len() + task.limits.len() + task.labels.0.len();
        let names = [&*task.name, task.id.as_str(), task.framework_id.as_str(), task.agent_id.as_str()];
        lists
            + names.iter().map(|name| name.len()).sum::<usize>()
            + usize::from(task.user.is_some())
            + task.state as usize
    };
    black_box(tasks().map(lines).sum::<usize>());
    black_box(tasks().map(|task| letters(&task.name) + letters(task.id.as_str())).sum::<usize>());
    black_box(tasks().map(|task| letters(task.agent_id.as_str())).sum::<usize>());
    let words = |resource: &Resource| {
        letters(&resource.name) + resource.allocation.as_ref().map_or(0, |role| letters(role.as_str()))
    };
    black_box(tasks().flat_map(|task| task.resources.iter()).map(words).sum::<usize>());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Stage;

    /// A framework with so many running tasks.
    fn framework(tasks: usize) -> (Stage, Arc<Framework>) {
        let mut stage = Stage::new();
        let (agent, id) = (stage.agent(1, "cpus:400;mem:4096"), stage.framework());
        for number in 0..tasks {
            stage.running(&id, &agent, &format!("t{number:03}"));
        }
        let framework = stage.state.world.frameworks.get(&id).expect("it subscribed").clone();
        (stage, framework)
    }

    #[test]
    fn a_run_with_rests_hands_out_every_task_once_and_in_order() {
        let (_stage, framework) = framework(2 * AHEAD + 3);
        let all: Vec<_> = framework.tasks.keys().cloned().collect();
        for rest_after in [1, 2, AHEAD - 1, AHEAD, AHEAD + 1, 3 * AHEAD] {
            let mut run = Run::new(framework.clone(), Which::Running);
            let (mut seen, mut over) = (Vec::new(), false);
            while !over {
                let before = seen.len();
                over = run.go_on(|task| {
                    seen.push(task.id.clone());
                    seen.len() - before < rest_after
                });
            }
            assert_eq!(seen, all, "{rest_after}");
        }
        assert!(Run::new(framework.clone(), Which::Unreachable).go_on(|_| unreachable!("there is none")));

        let mut ended = (*framework).clone();
        ended.completed_tasks = std::mem::take(&mut ended.tasks).into_iter().map(|(_, task)| task).collect();
        let mut run = Run::new(Arc::new(ended), Which::Completed);
        let mut seen = Vec::new();
        while !run.go_on(|task| {
            seen.push(task.id.clone());
            false
        }) {}
        assert_eq!(seen, all);
    }

    #[test]
    fn tasks_are_found_by_framework_and_by_id() {
        let (stage, framework) = framework(3);
        let world = &stage.state.world;
        let count = |framework: Option<&str>, task: Option<&str>| {
            let asked = [("framework_id", framework), ("task_id", task)];
            let find = |name: &str| asked.iter().find(|(key, _)| *key == name).and_then(|(_, value)| *value);
            asked_for(world, &TaskQuery::read(find)).count()
        };
        let id = framework.id.as_str();
        assert_eq!((count(None, None), count(Some(id), None)), (3, 3));
        assert_eq!((count(None, Some("t001")), count(Some(id), Some("t001"))), (1, 1));
        assert_eq!((count(Some("nobody"), None), count(Some(id), Some("t009"))), (0, 0));
    }
}
