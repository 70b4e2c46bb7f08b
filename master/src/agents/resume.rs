//! A registered agent is back, or says once more that it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libprocess::Upid;
use model::messages::{
    KillTask, ReregisterAgent, Reregistered, RunningExecutor, ShutdownExecutor, ShutdownFramework,
    UpdateFramework,
};
use model::{
    AgentId, AgentInfo, ExecutorId, FrameworkId, FrameworkInfo, Operation, OperationState, Task, TaskId,
    Time, UpdateId,
};

use super::add;
use crate::alarms::Slot;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::operations;
use crate::state::{Health, Link, State};

/// Compares both books and takes the agent's word for what runs there.
///
/// Tasks it does not name are asked about; what only it names and is alive is ended; kills that waited go out.
/// Source: scheduler semantics §9, "Reregistration".
pub(super) fn resume(
    state: &mut State,
    id: &AgentId,
    info: Arc<AgentInfo>,
    upid: Upid,
    message: ReregisterAgent,
    now: Time,
) -> Effects {
    state.world.tally.slave_reregistrations += 1;
    let Some(agent) = state.agent(id) else { return Effects::none() };
    let (was, changed, before) = (agent.connected(), agent.info != info, agent.upid.clone());
    let ReregisterAgent { version, capabilities, frameworks, executors, tasks, total, operations, .. } =
        message;

    let mut effects = Effects::none();
    if before != upid {
        effects.push(Effect::Unlink(before));
        state.move_agent(id, upid.clone());
    }
    effects.push(Effect::Link(upid));
    effects.push(Effect::Disarm(Slot::AgentReturn(id.clone())));
    if changed {
        effects.extend(offers::rescind_agent(state, id));
    }
    let agent = state.agent_mut(id).expect("it was there above");
    agent.link = Link::Connected;
    agent.reregistered = Some(now);
    agent.version = version;
    agent.capabilities = capabilities;
    agent.info = info.clone();
    let reconcile_operations = compare_operations(state, id, &operations, &mut effects);
    let total = state.expected(id, add::believable(&info, total), &operations);
    let retotalled = state.agent(id).is_some_and(|agent| agent.total != total);
    effects.extend(operations::retotal(state, id, total));
    state.health.insert(id.clone(), Health::default());

    let (reconcile, ended) = compare_tasks(state, id, &tasks);
    compare_executors(state, id, &executors, &mut effects);
    let agent = state.agent(id).expect("it was there above");
    let ping_timeout = state.settings.silence_max();
    let epoch = state.epoch();
    let agent_id = id.clone();
    let drain = state.world.policy.draining(id).map(|drain| drain.config);
    effects
        .send(agent, Reregistered { epoch, agent_id, ping_timeout, reconcile, reconcile_operations, drain });
    for (framework_id, task_id) in ended {
        effects.send(agent, KillTask { epoch, framework_id, task_id, kill_policy: None });
    }
    compare_frameworks(state, id, frameworks, &mut effects);
    send_kills(state, id, &mut effects);

    let agent = state.agent(id).expect("it was there above");
    if changed && !retotalled {
        effects.push(Effect::Allocator(allocator::Input::UpdateAgent(add::for_allocator(agent))));
    }
    if !was && state.world.active(agent) {
        effects.push(Effect::Allocator(allocator::Input::ActivateAgent(id.clone())));
    }
    effects
}

/// Tasks only we know, and tasks only the agent knows that are alive and whose framework is known.
type Differences = (Vec<(FrameworkId, TaskId)>, Vec<(FrameworkId, TaskId)>);

fn compare_tasks(state: &State, id: &AgentId, reported: &[Task]) -> Differences {
    let agent = state.agent(id).expect("the caller found it");
    let theirs: BTreeSet<(&FrameworkId, &TaskId)> =
        reported.iter().map(|task| (&task.framework_id, &task.id)).collect();
    let ours = |framework: &FrameworkId, task: &TaskId| {
        agent.used.get(framework).is_some_and(|used| used.tasks.contains(task))
    };
    let missing = agent
        .used
        .iter()
        .flat_map(|(framework, used)| used.tasks.iter().map(move |task| (framework, task)))
        .filter(|task| !theirs.contains(task))
        .map(|(framework, task)| (framework.clone(), task.clone()))
        .collect();
    let surplus = reported
        .iter()
        .filter(|task| !task.state.is_terminal() && state.framework(&task.framework_id).is_some())
        .filter(|task| !ours(&task.framework_id, &task.id))
        .map(|task| (task.framework_id.clone(), task.id.clone()))
        .collect();
    (missing, surplus)
}

/// Those it has decided on no longer hold anything; it tells of them by itself, once more. Those only we know it is asked
/// about: they may be on their way still.
fn compare_operations(
    state: &mut State,
    id: &AgentId,
    reported: &[Operation],
    effects: &mut Effects,
) -> Vec<UpdateId> {
    let agent = state.agent(id).expect("the caller found it");
    let pending: Vec<Arc<Operation>> = agent
        .operations
        .values()
        .filter(|operation| operation.latest_status.state == OperationState::Pending)
        .cloned()
        .collect();
    let mut missing = Vec::new();
    for operation in pending {
        match reported.iter().find(|reported| reported.uuid == operation.uuid) {
            None => missing.push(operation.uuid),
            // It has yet to decide, and what the operation takes is still held.
            Some(reported) if reported.latest_status.state == OperationState::Pending => {}
            Some(reported) => {
                let held = state.agent(id).map(|agent| agent.held_by(&operation)).unwrap_or_default();
                state.end_operation(id, &operation.uuid, reported.latest_status.clone());
                if let (Some(framework), false) = (&operation.framework_id, held.is_empty()) {
                    effects.push(Effect::recover(framework, id, held, None));
                }
            }
        }
    }
    missing
}

/// Executors only we know are gone; those only the agent knows are ended.
fn compare_executors(state: &mut State, id: &AgentId, reported: &[RunningExecutor], effects: &mut Effects) {
    let agent = state.agent(id).expect("the caller found it");
    let theirs: BTreeSet<(&FrameworkId, &ExecutorId)> =
        reported.iter().map(|running| (&running.framework_id, &running.executor.id)).collect();
    let ours: Vec<(FrameworkId, ExecutorId)> = agent
        .used
        .iter()
        .flat_map(|(framework, used)| used.executors.keys().map(move |executor| (framework, executor)))
        .map(|(framework, executor)| (framework.clone(), executor.clone()))
        .collect();
    for (framework_id, executor_id) in theirs.iter().copied().map(|(f, e)| (f.clone(), e.clone())) {
        if state.framework(&framework_id).is_some()
            && !ours.contains(&(framework_id.clone(), executor_id.clone()))
        {
            effects.send(agent, ShutdownExecutor { epoch: state.epoch(), framework_id, executor_id });
        }
    }
    let gone: Vec<_> =
        ours.iter().filter(|(framework, executor)| !theirs.contains(&(framework, executor))).collect();
    for (framework, executor) in gone {
        if let Some(info) = state.remove_executor(framework, id, executor) {
            effects.push(Effect::recover(framework, id, info.resources.clone(), None));
        }
    }
}

/// Frameworks that ended are ended there; those that changed are described anew.
fn compare_frameworks(state: &State, id: &AgentId, reported: Vec<FrameworkInfo>, effects: &mut Effects) {
    let agent = state.agent(id).expect("the caller found it");
    let epoch = state.epoch();
    let reported: BTreeMap<FrameworkId, FrameworkInfo> =
        reported.into_iter().filter_map(|info| Some((info.id.clone()?, info))).collect();
    for (framework_id, info) in reported {
        match state.framework(&framework_id) {
            None => effects.send(agent, ShutdownFramework { epoch, framework_id }),
            Some(framework) if *framework.info != info => {
                effects.send(agent, UpdateFramework { epoch, framework: framework.info.as_ref().clone() });
            }
            Some(_) => {}
        }
    }
}

/// Kills that were asked for while the agent was away.
fn send_kills(state: &mut State, id: &AgentId, effects: &mut Effects) {
    let epoch = state.epoch();
    let kills = std::mem::take(&mut state.agent_mut(id).expect("the caller found it").kills);
    let agent = state.agent(id).expect("the caller found it");
    for ((framework_id, task_id), kill_policy) in kills {
        effects.send(agent, KillTask { epoch, framework_id, task_id, kill_policy });
    }
}

#[cfg(test)]
mod tests {
    use model::{
        AgentId, Conversion, FrameworkId, OfferOperation, Operation, OperationKind, OperationState, UpdateId,
    };

    use crate::effects::{Effect, Effects};
    use crate::messages::{Input, ToAgent};
    use crate::testing::{Stage, bag, to_agents, to_allocator, upid, volume};

    #[test]
    fn an_agent_that_is_back_in_time_goes_on_where_it_was() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.remember(1, &agent);
        stage.tell(Input::AgentExited { upid: upid(1) });

        let effects = stage.reregister(1, &agent);

        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- reregistered as m-S0"]);
        assert_eq!(to_allocator(&effects), ["activate agent m-S0"]);
    }

    #[test]
    fn a_task_the_agent_does_not_name_is_asked_about() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        let effects = stage.reregister(1, &agent);
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- reregistered as m-S0, asked about t"]);
    }

    /// A volume shrinks; its agent has yet to say that it did.
    fn shrinking() -> (Stage, AgentId, FrameworkId, Operation) {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4;disk:64"), stage.framework());
        let offer = stage.offer_all(&framework, &agent);
        let reserved = bag("disk(allocated: web)(reservations: [(DYNAMIC,web)]):64");
        let reserve = Conversion::Reserve { source: Default::default(), resources: reserved };
        let create = Conversion::Create { volumes: volume("v", 64) };
        let step = |conversion| OfferOperation { id: None, kind: OperationKind::Convert(conversion) };
        stage.accept(&framework, &offer, vec![step(reserve), step(create)]);
        let over: Vec<_> = stage.state.agent(&agent).unwrap().operations.keys().copied().collect();
        over.iter().for_each(|uuid| drop(stage.state.remove_operation(&agent, uuid)));
        let offer = stage.offer_all(&framework, &agent);
        let volume = volume("v", 64).iter().next().unwrap().clone();
        let shrink = Conversion::ShrinkVolume { volume, subtract: model::Scalar::whole(24) };
        stage.accept(&framework, &offer, vec![step(shrink)]);
        let operation = stage.state.agent(&agent).unwrap().operations.values().next().unwrap();
        let operation = Operation::clone(operation);
        (stage, agent, framework, operation)
    }

    /// Which operations the agent is asked about.
    fn asked(effects: &Effects) -> Vec<UpdateId> {
        let asked = effects.iter().find_map(|effect| match effect {
            Effect::ToAgent { message: ToAgent::Reregistered(message), .. } => {
                Some(message.reconcile_operations.clone())
            }
            _ => None,
        });
        asked.unwrap_or_default()
    }

    fn disk_in_use(stage: &Stage, agent: &AgentId) -> i64 {
        stage.state.agent(agent).unwrap().used_total.disk().thousandths() / 1000
    }

    #[test]
    fn an_operation_the_agent_has_not_decided_on_still_holds_what_it_takes() {
        let (mut stage, agent, _, operation) = shrinking();
        let effects = stage.reregister_with(1, &agent, |body| body.operations = vec![operation.clone()]);
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- reregistered as m-S0"]);
        assert!(to_allocator(&effects).is_empty(), "{:?}", to_allocator(&effects));
        assert_eq!(disk_in_use(&stage, &agent), 64);
        let known = stage.state.operation(&agent, &operation.uuid).unwrap();
        assert_eq!(known.latest_status.state, OperationState::Pending);
    }

    #[test]
    fn an_operation_the_agent_has_decided_on_holds_nothing_and_its_total_counts() {
        let (mut stage, agent, _, mut operation) = shrinking();
        let (goes, comes) = operation.conversion.exchange().unwrap();
        let before = stage.state.agent(&agent).unwrap().total.clone();
        let after = before.replace(&goes.unallocate(), comes.unallocate()).unwrap();
        operation.latest_status.state = OperationState::Finished;
        let effects = stage.reregister_with(1, &agent, |body| {
            body.total = after.clone();
            body.operations = vec![operation.clone()];
        });
        let said = to_allocator(&effects);
        assert!(said.iter().any(|line| line.starts_with("recover disk")), "{said:?}");
        assert!(said.iter().any(|line| line.starts_with("update agent m-S0")), "{said:?}");
        assert_eq!(disk_in_use(&stage, &agent), 0);
        let on = stage.state.agent(&agent).unwrap();
        assert_eq!((&on.total, &on.free), (&after, &after));
        let known = stage.state.operation(&agent, &operation.uuid).unwrap();
        assert_eq!(known.latest_status.state, OperationState::Finished);
    }

    #[test]
    fn an_operation_the_agent_does_not_name_is_asked_about_and_held_until_it_answers() {
        let (mut stage, agent, _, operation) = shrinking();
        let effects = stage.reregister(1, &agent);
        assert_eq!(asked(&effects), [operation.uuid]);
        assert_eq!(disk_in_use(&stage, &agent), 64);
        assert!(stage.state.operation(&agent, &operation.uuid).is_some());
    }
}
