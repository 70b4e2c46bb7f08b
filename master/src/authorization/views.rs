//! What of a snapshot somebody may see: a snapshot again, so that views need not know who reads.
//!
//! | what | is seen with |
//! |---|---|
//! | a framework, running or completed, with its offers | VIEW_FRAMEWORK of its user |
//! | a task of it | VIEW_TASK of the task's user, else of the framework's |
//! | an executor of it | VIEW_EXECUTOR of the executor's user, else of the framework's |
//! | a reserved or allocated resource, a weight | VIEW_ROLE of every role it bears |
//! | a quota | GET_QUOTA of its role |
//!
//! What is not of anybody in particular, as flags and maintenance, is asked about where it is shown.

use std::sync::Arc;

use imbl::OrdMap;
use model::{ExecutorInfo, FrameworkInfo, Resource, Resources, Role, Task};
use security::{Action, Object, Rights};

use crate::state::{Agent, Framework, Snapshot};

/// What is left of a snapshot for somebody; all of it, without copying, where nothing is hidden from anybody.
pub(crate) fn visible(snapshot: &Arc<Snapshot>, rights: &Rights) -> Arc<Snapshot> {
    match rights.are_unlimited() {
        true => snapshot.clone(),
        false => Arc::new(Sight(rights).snapshot(snapshot)),
    }
}

/// Somebody's eyes.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a>(pub(crate) &'a Rights);

impl Sight<'_> {
    fn snapshot(self, snapshot: &Snapshot) -> Snapshot {
        let mut seen = snapshot.clone();
        let known = |framework: &Arc<Framework>| Arc::new(self.framework(framework));
        let running = snapshot.frameworks.iter().filter(|(_, framework)| self.sees(&framework.info));
        seen.frameworks = running.map(|(id, framework)| (id.clone(), known(framework))).collect();
        let completed = snapshot.completed_frameworks.iter().filter(|framework| self.sees(&framework.info));
        seen.completed_frameworks = completed.map(known).collect();
        seen.agents = snapshot
            .agents
            .iter()
            .map(|(id, agent)| (id.clone(), Arc::new(self.agent(agent, snapshot))))
            .collect();
        let frameworks = &seen.frameworks;
        seen.inverse_offers =
            kept(&snapshot.inverse_offers, |_, offer| frameworks.contains_key(&offer.framework_id));
        seen.inverse_answers =
            kept(&snapshot.inverse_answers, |(_, framework), _| frameworks.contains_key(framework));
        seen.weights = kept(&snapshot.weights, |role, _| self.role(role));
        let policy = Arc::make_mut(&mut seen.policy);
        policy.quotas.retain(|role, _| self.0.may(Action::GetQuota, Object::of(role.as_str())));
        seen
    }

    pub(crate) fn role(self, role: &Role) -> bool {
        self.0.may(Action::ViewRole, Object::of(role.as_str()))
    }

    pub(crate) fn sees(self, framework: &FrameworkInfo) -> bool {
        self.0.may(Action::ViewFramework, Object::of(&framework.user))
    }

    pub(crate) fn task(self, framework: &FrameworkInfo, task: &Task) -> bool {
        let user = task.user.as_deref().unwrap_or(&framework.user);
        self.0.may(Action::ViewTask, Object::of(user))
    }

    fn executor(self, framework: &FrameworkInfo, executor: &ExecutorInfo) -> bool {
        let user = executor.command.as_ref().and_then(|command| command.user.as_deref());
        self.0.may(Action::ViewExecutor, Object::of(user.unwrap_or(&framework.user)))
    }

    /// A framework with the tasks of it that are seen.
    pub(crate) fn framework(self, framework: &Framework) -> Framework {
        let mut seen = framework.clone();
        seen.tasks = kept(&framework.tasks, |_, task| self.task(&framework.info, task));
        seen.unreachable_tasks =
            kept(&framework.unreachable_tasks, |_, task| self.task(&framework.info, task));
        let completed = framework.completed_tasks.iter().filter(|task| self.task(&framework.info, task));
        seen.completed_tasks = completed.cloned().collect();
        seen.used = self.resources(&framework.used);
        seen.executors = kept(&framework.executors, |_, executor| self.executor(&framework.info, executor));
        seen
    }

    /// An agent with the resources, executors and operations of it that are seen.
    pub(crate) fn agent(self, agent: &Agent, snapshot: &Snapshot) -> Agent {
        let mut seen = agent.clone();
        for bag in [&mut seen.total, &mut seen.free, &mut seen.offered, &mut seen.used_total] {
            *bag = self.resources(bag);
        }
        let used = agent.used.iter().map(|(id, used)| {
            let mut seen = used.clone();
            seen.resources = self.resources(&used.resources);
            let framework = snapshot.frameworks.get(id).map(|framework| &framework.info);
            let sees = |executor: &ExecutorInfo| framework.is_some_and(|info| self.executor(info, executor));
            seen.executors = kept(&used.executors, |_, executor| sees(executor));
            (id.clone(), seen)
        });
        seen.used = used.collect();
        let touches = |operation: &model::Operation| {
            let outcome = operation.conversion.outcome(&operation.latest_status.converted);
            outcome.is_ok_and(|(goes, comes)| {
                goes.iter().chain(comes.iter()).all(|resource| self.resource(resource))
            })
        };
        seen.operations = kept(&agent.operations, |_, operation| touches(operation));
        seen
    }

    fn resources(self, resources: &Resources) -> Resources {
        resources.filter(|resource| self.resource(resource))
    }

    /// Reservations refine each other: who may not see one may not see what is built on it.
    fn resource(self, resource: &Resource) -> bool {
        resource.reservations.iter().all(|reservation| self.role(&reservation.role))
            && resource.allocation.as_ref().is_none_or(|role| self.role(role))
    }
}

fn kept<K: Ord + Clone, V: Clone>(map: &OrdMap<K, V>, keep: impl Fn(&K, &V) -> bool) -> OrdMap<K, V> {
    map.iter()
        .filter(|(key, value)| keep(key, value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use security::{Acls, Local, Policy};

    use super::*;
    use crate::testing::Stage;
    use crate::views::roles::Roles;

    fn rights(rules: &str) -> Rights {
        let acls = Acls::parse(rules).unwrap().acls;
        Policy::of(Arc::new(Local::new(acls))).rights_of(Some("ann"))
    }

    fn seen(stage: &Stage, rules: &str) -> Arc<Snapshot> {
        visible(&Arc::new(stage.state.world.clone()), &rights(rules))
    }

    fn staged() -> Stage {
        let mut stage = Stage::new();
        let (agent, framework) =
            (stage.agent(1, "cpus:4;disk(reservations: [(DYNAMIC,eng)]):8"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage
    }

    /// Everything is seen but this.
    fn but(list: &str, object: &str, values: &str) -> String {
        format!(
            r#"{{"permissive": true, "{list}": [{{"principals": {{"type": "NONE"}}, "{object}": {{"values": ["{values}"]}}}}]}}"#
        )
    }

    #[test]
    fn without_rules_the_snapshot_is_the_same() {
        let whole = Arc::new(staged().state.world.clone());
        assert!(Arc::ptr_eq(&visible(&whole, &Rights::default()), &whole));
    }

    #[test]
    fn frameworks_and_tasks_are_seen_by_their_users() {
        let stage = staged();
        let all = seen(&stage, "{}");
        assert_eq!(all.frameworks.values().next().unwrap().tasks.len(), 1);
        let tasks = seen(&stage, &but("view_tasks", "users", "nobody"));
        assert_eq!(tasks.frameworks.len(), 1);
        assert!(tasks.frameworks.values().next().unwrap().tasks.is_empty());
        assert!(seen(&stage, &but("view_frameworks", "users", "nobody")).frameworks.is_empty());
        assert_eq!(seen(&stage, &but("view_frameworks", "users", "root")).frameworks.len(), 1);
    }

    #[test]
    fn what_is_for_a_role_is_seen_with_the_role() {
        let stage = staged();
        let whole = seen(&stage, "{}");
        let seen = seen(&stage, &but("view_roles", "roles", "eng"));
        let total = |snapshot: &Snapshot| snapshot.agents.values().next().unwrap().total.to_string();
        assert_eq!(total(&whole), "cpus:4; disk(reservations: [(DYNAMIC,eng)]):8");
        assert_eq!(total(&seen), "cpus:4");
        let names: Vec<String> = Roles::seen(&seen, Sight(&rights(&but("view_roles", "roles", "web"))))
            .v1()
            .into_iter()
            .map(|role| role.name)
            .collect();
        assert!(names.is_empty(), "{names:?}");
    }
}
