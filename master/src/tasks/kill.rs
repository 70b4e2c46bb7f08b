//! A task is to end.

use model::messages::KillTask;
use model::{FrameworkId, KillPolicy, TaskId};

use crate::effects::Effects;
use crate::state::State;

/// Passes the wish on to the task's agent; to one that is away, when it returns. The task has to be known.
pub(crate) fn kill(
    state: &mut State,
    framework: &FrameworkId,
    task: &TaskId,
    kill_policy: Option<KillPolicy>,
) -> Effects {
    let known = state.framework(framework).and_then(|framework| framework.tasks.get(task));
    let Some(on) = known.map(|task| task.agent_id.clone()) else { return Effects::none() };
    let epoch = state.epoch();
    let Some(agent) = state.agent(&on) else { return Effects::none() };
    let (framework_id, task_id) = (framework.clone(), task.clone());
    let mut effects = Effects::none();
    if agent.connected() {
        effects.send(agent, KillTask { epoch, framework_id, task_id, kill_policy });
    } else {
        let agent = state.agent_mut(&on).expect("it was there above");
        agent.kills.insert((framework_id, task_id), kill_policy);
    }
    effects
}
