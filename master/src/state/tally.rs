//! What happened so far, counted. Readers turn it into metrics; rules only add.

use imbl::OrdMap;
use model::{OperationState, StatusReason, StatusSource, TaskState, TaskStatus};

/// Declares the counters once: field, public name, meaning.
macro_rules! tally {
    ($($(#[$doc:meta])* $field:ident: $name:literal;)*) => {
        /// Counters of one master's life. Plain numbers, so that a snapshot holds one moment of all of them.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Tally {
            $($(#[$doc])* pub $field: u64,)*
            /// Tasks that ended, by state, by who said so and why.
            pub ended: OrdMap<(TaskState, StatusSource, StatusReason), u64>,
            /// Operations that ended, by what they did and how.
            pub operations: OrdMap<(&'static str, OperationState), u64>,
        }

        impl Tally {
            /// Every counter under the name that charts know it by.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($name, self.$field)),*].into_iter()
            }
        }
    };
}

tally! {
    /// Tasks that ended well.
    tasks_finished: "master/tasks_finished";
    /// Tasks that ended badly.
    tasks_failed: "master/tasks_failed";
    /// Tasks that were killed.
    tasks_killed: "master/tasks_killed";
    /// Tasks of frameworks that know no finer word, lost.
    tasks_lost: "master/tasks_lost";
    /// Tasks refused as invalid.
    tasks_error: "master/tasks_error";
    /// Tasks that never started.
    tasks_dropped: "master/tasks_dropped";
    /// Tasks whose executor or agent lost them.
    tasks_gone: "master/tasks_gone";
    /// Tasks an operator declared gone.
    tasks_gone_by_operator: "master/tasks_gone_by_operator";
    /// Messages that came before the master led.
    dropped_messages: "master/dropped_messages";
    /// First SUBSCRIBE calls.
    messages_register_framework: "master/messages_register_framework";
    /// SUBSCRIBE calls with an id.
    messages_reregister_framework: "master/messages_reregister_framework";
    /// TEARDOWN calls.
    messages_unregister_framework: "master/messages_unregister_framework";
    /// KILL calls.
    messages_kill_task: "master/messages_kill_task";
    /// ACKNOWLEDGE calls.
    messages_status_update_acknowledgement: "master/messages_status_update_acknowledgement";
    /// ACKNOWLEDGE_OPERATION_STATUS calls.
    messages_operation_status_update_acknowledgement: "master/messages_operation_status_update_acknowledgement";
    /// REQUEST calls.
    messages_resource_request: "master/messages_resource_request";
    /// ACCEPT calls that launch.
    messages_launch_tasks: "master/messages_launch_tasks";
    /// DECLINE calls, and ACCEPT calls that launch nothing.
    messages_decline_offers: "master/messages_decline_offers";
    /// REVIVE calls.
    messages_revive_offers: "master/messages_revive_offers";
    /// SUPPRESS calls.
    messages_suppress_offers: "master/messages_suppress_offers";
    /// RECONCILE_OPERATIONS calls.
    messages_reconcile_operations: "master/messages_reconcile_operations";
    /// RECONCILE calls.
    messages_reconcile_tasks: "master/messages_reconcile_tasks";
    /// MESSAGE calls.
    messages_framework_to_executor: "master/messages_framework_to_executor";
    /// Messages of executors to their frameworks.
    messages_executor_to_framework: "master/messages_executor_to_framework";
    /// Agents that asked to be registered.
    messages_register_slave: "master/messages_register_slave";
    /// Agents that came back.
    messages_reregister_slave: "master/messages_reregister_slave";
    /// Agents that took their leave.
    messages_unregister_slave: "master/messages_unregister_slave";
    /// Agents that have something else now.
    messages_update_slave: "master/messages_update_slave";
    /// Status updates of tasks.
    messages_status_update: "master/messages_status_update";
    /// Outcomes of operations.
    messages_operation_status_update: "master/messages_operation_status_update";
    /// Executors that ended.
    messages_exited_executor: "master/messages_exited_executor";
    /// MESSAGE calls that were passed on.
    valid_framework_to_executor_messages: "master/valid_framework_to_executor_messages";
    /// MESSAGE calls whose agent is not there.
    invalid_framework_to_executor_messages: "master/invalid_framework_to_executor_messages";
    /// Executors' messages that were passed on.
    valid_executor_to_framework_messages: "master/valid_executor_to_framework_messages";
    /// Executors' messages whose framework is not there.
    invalid_executor_to_framework_messages: "master/invalid_executor_to_framework_messages";
    /// Updates that were believed.
    valid_status_updates: "master/valid_status_updates";
    /// Updates of unknown agents or frameworks.
    invalid_status_updates: "master/invalid_status_updates";
    /// Outcomes of operations that were believed.
    valid_operation_status_updates: "master/valid_operation_status_updates";
    /// Outcomes of operations, told by unknown agents.
    invalid_operation_status_updates: "master/invalid_operation_status_updates";
    /// Acknowledgements of outcomes that were passed on.
    valid_operation_status_update_acknowledgements: "master/valid_operation_status_update_acknowledgements";
    /// Acknowledgements of outcomes that nobody told.
    invalid_operation_status_update_acknowledgements: "master/invalid_operation_status_update_acknowledgements";
    /// Acknowledgements that were passed on.
    valid_status_update_acknowledgements: "master/valid_status_update_acknowledgements";
    /// Acknowledgements of what is not there.
    invalid_status_update_acknowledgements: "master/invalid_status_update_acknowledgements";
    /// Agents the registry knew that did not come back in time.
    recovery_slave_removals: "master/recovery_slave_removals";
    /// Agents registered for the first time.
    slave_registrations: "master/slave_registrations";
    /// Agents that came back and were accepted.
    slave_reregistrations: "master/slave_reregistrations";
    /// Agents that left, whatever the reason.
    slave_removals: "master/slave_removals";
    /// Agents that stopped answering.
    slave_removals_unhealthy: "master/slave_removals/reason_unhealthy";
    /// Agents that took their leave.
    slave_removals_unregistered: "master/slave_removals/reason_unregistered";
    /// Agents whose place another took.
    slave_removals_registered: "master/slave_removals/reason_registered";
    /// Agents found silent.
    slave_unreachable_scheduled: "master/slave_unreachable_scheduled";
    /// Silent agents marked unreachable.
    slave_unreachable_completed: "master/slave_unreachable_completed";
    /// Silent agents that answered just in time.
    slave_unreachable_canceled: "master/slave_unreachable_canceled";
}

impl Tally {
    /// Counts an operation that ended so.
    pub(crate) fn operation_ended(&mut self, name: &'static str, ended: OperationState) {
        *self.operations.entry((name, ended)).or_default() += 1;
    }

    /// Counts a task that ended as the status says, in the state its framework is told.
    pub(crate) fn task_ended(&mut self, ended: TaskState, status: &TaskStatus) {
        match ended {
            TaskState::Finished => self.tasks_finished += 1,
            TaskState::Failed => self.tasks_failed += 1,
            TaskState::Killed => self.tasks_killed += 1,
            TaskState::Error => self.tasks_error += 1,
            TaskState::Lost => self.tasks_lost += 1,
            TaskState::Dropped => self.tasks_dropped += 1,
            TaskState::Gone => self.tasks_gone += 1,
            TaskState::GoneByOperator => self.tasks_gone_by_operator += 1,
            TaskState::Staging
            | TaskState::Starting
            | TaskState::Running
            | TaskState::Killing
            | TaskState::Unreachable
            | TaskState::Unknown => return,
        }
        if let (Some(source), Some(reason)) = (status.source, status.reason) {
            *self.ended.entry((ended, source, reason)).or_default() += 1;
        }
    }
}
