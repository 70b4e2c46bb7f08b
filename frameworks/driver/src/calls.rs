//! What a scheduler may say.

use model::call::{
    Accept, Acknowledge, Call, Decline, Kill, Message, Reconcile, ReconcileTask, Request, ResourceRequest,
    Revive, Shutdown, Suppress, Teardown,
};
use model::{
    AgentId, ExecutorId, Filters, FrameworkId, KillPolicy, OfferId, OfferOperation, OperationKind, Role,
    TaskId, TaskInfo, TaskStatus,
};

use crate::running::Running;

/// Collects the calls of one handler. Nothing is sent while it runs.
pub struct Calls {
    pub(crate) framework: FrameworkId,
    pub(crate) said: Vec<Call>,
    pub(crate) running: Running,
    pub(crate) stopping: bool,
}

impl Calls {
    pub(crate) fn new(framework: FrameworkId) -> Calls {
        Calls { framework, said: Vec::new(), running: Running::default(), stopping: false }
    }

    /// The framework's id; empty until it is subscribed.
    pub fn framework(&self) -> &FrameworkId {
        &self.framework
    }

    /// Runs tasks on the resources of offers, all of one agent. What they leave is declined.
    pub fn launch(&mut self, offers: impl IntoIterator<Item = OfferId>, tasks: Vec<TaskInfo>) {
        let kind = OperationKind::Launch(tasks.into_iter().map(Ok).collect());
        self.accept(offers, vec![OfferOperation { id: None, kind }], Filters::default());
    }

    /// Uses offers, all of one agent, for operations in this order. What they leave is declined.
    pub fn accept(
        &mut self,
        offers: impl IntoIterator<Item = OfferId>,
        operations: Vec<OfferOperation>,
        filters: Filters,
    ) {
        for task in operations.iter().flat_map(launched) {
            self.running.launched(task);
        }
        let offer_ids = offers.into_iter().collect();
        self.say(|framework_id| Call::Accept(Accept { framework_id, offer_ids, operations, filters }));
    }

    /// Gives offers back, and does not want to see them again until `filters` has passed.
    pub fn decline(&mut self, offers: impl IntoIterator<Item = OfferId>, filters: Filters) {
        let offer_ids = offers.into_iter().collect();
        self.say(|framework_id| Call::Decline(Decline { framework_id, offer_ids, filters }));
    }

    /// Wants offers again, whatever was declined; for all roles if none is named.
    pub fn revive(&mut self, roles: Vec<Role>) {
        self.say(|framework_id| Call::Revive(Revive { framework_id, roles }));
    }

    /// Wants no offers until revived; for all roles if none is named.
    pub fn suppress(&mut self, roles: Vec<Role>) {
        self.say(|framework_id| Call::Suppress(Suppress { framework_id, roles }));
    }

    /// Ends a task, with this grace instead of its own if one is given.
    pub fn kill(&mut self, task_id: TaskId, kill_policy: Option<KillPolicy>) {
        let agent_id = self.running.agent_of(&task_id).cloned();
        self.say(|framework_id| Call::Kill(Kill { framework_id, task_id, agent_id, kill_policy }));
    }

    /// Ends an executor and its tasks.
    pub fn shutdown(&mut self, agent_id: AgentId, executor_id: ExecutorId) {
        self.say(|framework_id| Call::Shutdown(Shutdown { framework_id, executor_id, agent_id }));
    }

    /// Says that an update was heard; one without uuid needs no acknowledgement.
    pub fn acknowledge(&mut self, status: &TaskStatus) {
        if let (Some(uuid), Some(agent_id)) = (status.uuid, status.agent_id.clone()) {
            let task_id = status.task_id.clone();
            self.say(|framework_id| Call::Acknowledge(Acknowledge { framework_id, agent_id, task_id, uuid }));
        }
    }

    /// Asks how these tasks stand; how all do that the master knows, if none is named.
    pub fn reconcile(&mut self, tasks: Vec<(TaskId, Option<AgentId>)>) {
        let tasks =
            tasks.into_iter().map(|(task_id, agent_id)| ReconcileTask { task_id, agent_id }).collect();
        self.say(|framework_id| Call::Reconcile(Reconcile { framework_id, tasks }));
    }

    /// Sends bytes to an executor, as well as can be.
    pub fn message(&mut self, agent_id: AgentId, executor_id: ExecutorId, data: Vec<u8>) {
        self.say(|framework_id| Call::Message(Message { framework_id, agent_id, executor_id, data }));
    }

    /// Tells the allocator what would be welcome.
    pub fn request(&mut self, requests: Vec<ResourceRequest>) {
        self.say(|framework_id| Call::Request(Request { framework_id, requests }));
    }

    /// Leaves for good: tasks are killed, the id is spent. The driver stops once this is sent.
    pub fn teardown(&mut self) {
        self.say(|framework_id| Call::Teardown(Teardown { framework_id }));
        self.stopping = true;
    }

    /// Leaves for now: tasks run on for the framework's failover timeout, and somebody may take over.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether [`Calls::teardown`] or [`Calls::stop`] was said.
    pub fn is_leaving(&self) -> bool {
        self.stopping
    }

    fn say(&mut self, call: impl FnOnce(FrameworkId) -> Call) {
        self.said.push(call(self.framework.clone()));
    }
}

/// The tasks an operation launches.
fn launched(operation: &OfferOperation) -> Vec<&TaskInfo> {
    match &operation.kind {
        OperationKind::Launch(tasks) => tasks.iter().flatten().collect(),
        OperationKind::LaunchGroup(Ok(group)) => group.tasks.iter().collect(),
        _ => Vec::new(),
    }
}
