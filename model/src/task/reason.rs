//! Who says that a task is in a state, and why it got there.

use std::fmt;

use libprocess_wire as wire;

/// Who made a status.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusSource {
    Master,
    Agent,
    Executor,
}

/// Why a task is in its state, for machines; the message is for people.
///
/// Source: Mesos task states and reasons, which says who may give which.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusReason {
    CommandExecutorFailed,
    ContainerLaunchFailed,
    ContainerLimitation,
    ContainerLimitationDisk,
    ContainerLimitationMemory,
    ContainerPreempted,
    ContainerUpdateFailed,
    MaxCompletionTimeReached,
    ExecutorRegistrationTimeout,
    ExecutorReregistrationTimeout,
    ExecutorTerminated,
    ExecutorUnregistered,
    FrameworkRemoved,
    GcError,
    InvalidFrameworkId,
    InvalidOffers,
    IoSwitchboardExited,
    MasterDisconnected,
    Reconciliation,
    ResourcesUnknown,
    AgentDisconnected,
    AgentDraining,
    AgentRemoved,
    AgentRemovedByOperator,
    AgentReregistered,
    AgentRestarted,
    AgentUnknown,
    TaskKilledDuringLaunch,
    TaskCheckStatusUpdated,
    TaskHealthCheckStatusUpdated,
    TaskGroupInvalid,
    TaskGroupUnauthorized,
    TaskInvalid,
    TaskUnauthorized,
    TaskUnknown,
}

impl StatusReason {
    pub const ALL: [StatusReason; 35] = [
        StatusReason::CommandExecutorFailed,
        StatusReason::ContainerLaunchFailed,
        StatusReason::ContainerLimitation,
        StatusReason::ContainerLimitationDisk,
        StatusReason::ContainerLimitationMemory,
        StatusReason::ContainerPreempted,
        StatusReason::ContainerUpdateFailed,
        StatusReason::MaxCompletionTimeReached,
        StatusReason::ExecutorRegistrationTimeout,
        StatusReason::ExecutorReregistrationTimeout,
        StatusReason::ExecutorTerminated,
        StatusReason::ExecutorUnregistered,
        StatusReason::FrameworkRemoved,
        StatusReason::GcError,
        StatusReason::InvalidFrameworkId,
        StatusReason::InvalidOffers,
        StatusReason::IoSwitchboardExited,
        StatusReason::MasterDisconnected,
        StatusReason::Reconciliation,
        StatusReason::ResourcesUnknown,
        StatusReason::AgentDisconnected,
        StatusReason::AgentDraining,
        StatusReason::AgentRemoved,
        StatusReason::AgentRemovedByOperator,
        StatusReason::AgentReregistered,
        StatusReason::AgentRestarted,
        StatusReason::AgentUnknown,
        StatusReason::TaskKilledDuringLaunch,
        StatusReason::TaskCheckStatusUpdated,
        StatusReason::TaskHealthCheckStatusUpdated,
        StatusReason::TaskGroupInvalid,
        StatusReason::TaskGroupUnauthorized,
        StatusReason::TaskInvalid,
        StatusReason::TaskUnauthorized,
        StatusReason::TaskUnknown,
    ];

    /// The public name.
    pub const fn name(self) -> &'static str {
        match self {
            StatusReason::CommandExecutorFailed => "REASON_COMMAND_EXECUTOR_FAILED",
            StatusReason::ContainerLaunchFailed => "REASON_CONTAINER_LAUNCH_FAILED",
            StatusReason::ContainerLimitation => "REASON_CONTAINER_LIMITATION",
            StatusReason::ContainerLimitationDisk => "REASON_CONTAINER_LIMITATION_DISK",
            StatusReason::ContainerLimitationMemory => "REASON_CONTAINER_LIMITATION_MEMORY",
            StatusReason::ContainerPreempted => "REASON_CONTAINER_PREEMPTED",
            StatusReason::ContainerUpdateFailed => "REASON_CONTAINER_UPDATE_FAILED",
            StatusReason::MaxCompletionTimeReached => "REASON_MAX_COMPLETION_TIME_REACHED",
            StatusReason::ExecutorRegistrationTimeout => "REASON_EXECUTOR_REGISTRATION_TIMEOUT",
            StatusReason::ExecutorReregistrationTimeout => "REASON_EXECUTOR_REREGISTRATION_TIMEOUT",
            StatusReason::ExecutorTerminated => "REASON_EXECUTOR_TERMINATED",
            StatusReason::ExecutorUnregistered => "REASON_EXECUTOR_UNREGISTERED",
            StatusReason::FrameworkRemoved => "REASON_FRAMEWORK_REMOVED",
            StatusReason::GcError => "REASON_GC_ERROR",
            StatusReason::InvalidFrameworkId => "REASON_INVALID_FRAMEWORKID",
            StatusReason::InvalidOffers => "REASON_INVALID_OFFERS",
            StatusReason::IoSwitchboardExited => "REASON_IO_SWITCHBOARD_EXITED",
            StatusReason::MasterDisconnected => "REASON_MASTER_DISCONNECTED",
            StatusReason::Reconciliation => "REASON_RECONCILIATION",
            StatusReason::ResourcesUnknown => "REASON_RESOURCES_UNKNOWN",
            StatusReason::AgentDisconnected => "REASON_AGENT_DISCONNECTED",
            StatusReason::AgentDraining => "REASON_AGENT_DRAINING",
            StatusReason::AgentRemoved => "REASON_AGENT_REMOVED",
            StatusReason::AgentRemovedByOperator => "REASON_AGENT_REMOVED_BY_OPERATOR",
            StatusReason::AgentReregistered => "REASON_AGENT_REREGISTERED",
            StatusReason::AgentRestarted => "REASON_AGENT_RESTARTED",
            StatusReason::AgentUnknown => "REASON_AGENT_UNKNOWN",
            StatusReason::TaskKilledDuringLaunch => "REASON_TASK_KILLED_DURING_LAUNCH",
            StatusReason::TaskCheckStatusUpdated => "REASON_TASK_CHECK_STATUS_UPDATED",
            StatusReason::TaskHealthCheckStatusUpdated => "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
            StatusReason::TaskGroupInvalid => "REASON_TASK_GROUP_INVALID",
            StatusReason::TaskGroupUnauthorized => "REASON_TASK_GROUP_UNAUTHORIZED",
            StatusReason::TaskInvalid => "REASON_TASK_INVALID",
            StatusReason::TaskUnauthorized => "REASON_TASK_UNAUTHORIZED",
            StatusReason::TaskUnknown => "REASON_TASK_UNKNOWN",
        }
    }

    /// The public number.
    pub const fn number(self) -> i32 {
        match self {
            StatusReason::CommandExecutorFailed => 0,
            StatusReason::ContainerLaunchFailed => 21,
            StatusReason::ContainerLimitation => 19,
            StatusReason::ContainerLimitationDisk => 20,
            StatusReason::ContainerLimitationMemory => 8,
            StatusReason::ContainerPreempted => 17,
            StatusReason::ContainerUpdateFailed => 22,
            StatusReason::MaxCompletionTimeReached => 33,
            StatusReason::ExecutorRegistrationTimeout => 23,
            StatusReason::ExecutorReregistrationTimeout => 24,
            StatusReason::ExecutorTerminated => 1,
            StatusReason::ExecutorUnregistered => 2,
            StatusReason::FrameworkRemoved => 3,
            StatusReason::GcError => 4,
            StatusReason::InvalidFrameworkId => 5,
            StatusReason::InvalidOffers => 6,
            StatusReason::IoSwitchboardExited => 27,
            StatusReason::MasterDisconnected => 7,
            StatusReason::Reconciliation => 9,
            StatusReason::ResourcesUnknown => 18,
            StatusReason::AgentDisconnected => 10,
            StatusReason::AgentDraining => 34,
            StatusReason::AgentRemoved => 11,
            StatusReason::AgentRemovedByOperator => 31,
            StatusReason::AgentReregistered => 32,
            StatusReason::AgentRestarted => 12,
            StatusReason::AgentUnknown => 13,
            StatusReason::TaskKilledDuringLaunch => 30,
            StatusReason::TaskCheckStatusUpdated => 28,
            StatusReason::TaskHealthCheckStatusUpdated => 29,
            StatusReason::TaskGroupInvalid => 25,
            StatusReason::TaskGroupUnauthorized => 26,
            StatusReason::TaskInvalid => 14,
            StatusReason::TaskUnauthorized => 15,
            StatusReason::TaskUnknown => 16,
        }
    }

    /// The reason with this public number.
    pub fn from_number(number: i32) -> Option<StatusReason> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }
}

impl fmt::Display for StatusReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
