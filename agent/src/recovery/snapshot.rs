//! The present state as the shortest journal that leads to it.

use super::Record;
use crate::state::State;

/// Facts that, replayed, make a state that remembers what this one does; history is left out.
pub(crate) fn snapshot(state: &State) -> Vec<Record> {
    let mut records: Vec<_> = state.id.clone().map(|id| Record::Agent { id }).into_iter().collect();
    records.extend(state.known.as_deref().cloned().map(|known| Record::Known(Box::new(known))));
    for framework in state.frameworks.values().filter(|framework| framework.info.checkpoint) {
        records.push(Record::Framework(Box::new(framework.info.as_ref().clone())));
        for executor in framework.executors.values() {
            let id = &executor.id;
            records.push(Record::Executor {
                framework: framework.id.clone(),
                executor: Box::new(executor.info.as_ref().clone()),
                container: executor.container.clone(),
                directory: executor.directory.display().to_string(),
                generated: executor.generated,
                used: executor.used,
            });
            if let Some(identity) = executor.identity.clone() {
                records.push(Record::Held {
                    framework: framework.id.clone(),
                    executor: id.clone(),
                    identity,
                });
            }
            if let Some(driver) = &executor.driver {
                records.push(Record::Driver {
                    framework: framework.id.clone(),
                    executor: id.clone(),
                    pid: Some(driver.to_string()),
                });
            }
            let held = executor.tasks.values().chain(executor.terminated.values());
            records.extend(held.map(|task| Record::Task {
                framework: framework.id.clone(),
                executor: id.clone(),
                task: Box::new(task.as_ref().clone()),
            }));
            records.extend(executor.queued.iter().map(|queued| Record::Tasks {
                framework: framework.id.clone(),
                executor: id.clone(),
                tasks: queued.tasks.iter().map(|task| task.as_ref().clone()).collect(),
                group: queued.group,
            }));
            if executor.is_ended() {
                records.push(Record::Ended { framework: framework.id.clone(), executor: id.clone() });
            }
        }
        if framework.terminating {
            records.push(Record::FrameworkGone(framework.id.clone()));
        }
    }
    for container in state.containers.values().filter(|container| container.checkpoint) {
        let id = &container.id;
        let config = Box::new(container.config.as_ref().clone());
        records.push(Record::Container { id: id.clone(), container: config });
        if let Some(identity) = container.identity.clone() {
            records.push(Record::ContainerHeld { id: id.clone(), identity });
        }
        if let Some(end) = container.end.clone() {
            records.push(Record::ContainerEnded { id: id.clone(), end: Box::new(end) });
        }
        if let Some(used) = container.limitation.clone() {
            records.push(Record::ContainerLimited { id: id.clone(), used });
        }
    }
    let kept = state.total.kept();
    if !kept.is_empty() {
        records.push(Record::Kept(kept));
    }
    records.extend(state.drain.map(|drain| Record::Drain(Some((drain.config, drain.started)))));
    let outcomes = state.operations.values();
    records.extend(outcomes.map(|outcome| Record::Operation(Box::new(outcome.operation.clone()))));
    for ((framework, task), stream) in state.streams.iter() {
        records.push(Record::Stream {
            framework: framework.clone(),
            task: task.clone(),
            executor: stream.executor.clone(),
            latest: stream.latest,
            pending: stream.pending.iter().map(|pending| pending.status.as_ref().clone()).collect(),
            acknowledged: stream.acknowledged.iter().copied().collect(),
        });
    }
    records
}
