//! How far a container may exceed what it was given.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Limit, Resources, Scalar};

use crate::state::Executor;

/// By resource name: the sum of what each task may use at most, where one of them says so; a task that does not counts with
/// what it was given, and so does the executor itself.
///
/// Source: Mesos, task resource limits.
pub(super) fn limits(executor: &Executor) -> BTreeMap<Arc<str>, Limit> {
    let alive = executor.tasks.values().map(|task| (&task.resources, &task.limits));
    let queued = executor.queued_tasks().map(|task| (&task.resources, &task.limits));
    let tasks: Vec<(&Resources, &BTreeMap<Arc<str>, Limit>)> = alive.chain(queued).collect();
    let mut sums = BTreeMap::new();
    for name in tasks.iter().flat_map(|(_, limits)| limits.keys()) {
        sums.entry(Arc::clone(name)).or_insert_with(|| sum(name, &executor.info.resources, &tasks));
    }
    sums
}

/// Whether a task's limits are all such as isolators hold containers to.
///
/// Errors: one is not; which, for people.
pub(crate) fn enforceable(limits: &BTreeMap<Arc<str>, Limit>, enforced: &[&str]) -> Result<(), String> {
    match limits.keys().find(|name| !enforced.contains(&&***name)) {
        None => Ok(()),
        Some(name) => {
            Err(format!("Resource limits of '{name}' are not supported by the isolators of this agent"))
        }
    }
}

fn sum(name: &str, own: &Resources, tasks: &[(&Resources, &BTreeMap<Arc<str>, Limit>)]) -> Limit {
    let mut sum = own.amount(name).thousandths();
    for (resources, limits) in tasks {
        match limits.get(name) {
            Some(Limit::Infinite) => return Limit::Infinite,
            Some(Limit::Finite(amount)) => sum = sum.saturating_add(amount.thousandths()),
            None => sum = sum.saturating_add(resources.amount(name).thousandths()),
        }
    }
    Limit::Finite(Scalar::from_thousandths(sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Input;
    use crate::state::Settings;
    use crate::testing::{World, custom_task, key, settings};

    #[test]
    fn a_container_may_use_what_its_tasks_may_and_what_its_executor_was_given() {
        let mut world = World::with(Settings { enforced_limits: vec!["cpus", "mem"], ..settings() });
        world.hear(Input::Restored(Vec::new()));
        world.recovered_and_registered();
        let mut task = custom_task("t");
        task.limits =
            [("mem".into(), Limit::Finite(Scalar::whole(100))), ("cpus".into(), Limit::Infinite)].into();
        world.run(task, true);
        let limits = limits(world.state.executor(&key("e")).expect("it is launched"));
        assert_eq!(
            limits,
            BTreeMap::from([
                ("mem".into(), Limit::Finite(Scalar::whole(132))),
                ("cpus".into(), Limit::Infinite)
            ])
        );
    }

    #[test]
    fn a_limit_that_nothing_holds_containers_to_is_named() {
        let limits =
            BTreeMap::from([(Arc::from("cpus"), Limit::Infinite), (Arc::from("mem"), Limit::Infinite)]);
        assert_eq!(enforceable(&limits, &["cpus", "mem"]), Ok(()));
        assert!(enforceable(&limits, &["cpus"]).unwrap_err().contains("limits of 'mem' are not supported"));
        assert!(enforceable(&limits, &["mem"]).unwrap_err().contains("limits of 'cpus' are not supported"));
        assert_eq!(enforceable(&BTreeMap::new(), &[]), Ok(()));
    }

    #[test]
    fn a_task_without_a_limit_counts_with_what_it_was_given() {
        let resources: Resources = "cpus:1;mem:64".parse().unwrap();
        let own: Resources = "mem:32".parse().unwrap();
        let with = |limit| BTreeMap::from([(Arc::from("mem"), limit)]);
        let (finite, infinite, none) =
            (with(Limit::Finite(Scalar::from_thousandths(100_000))), with(Limit::Infinite), BTreeMap::new());
        let tasks = [(&resources, &finite), (&resources, &none)];
        assert_eq!(sum("mem", &own, &tasks).to_string(), "196");
        assert_eq!(sum("mem", &own, &[(&resources, &infinite)]), Limit::Infinite);
    }
}
