//! Everything that can be asked: actions, the lists of an ACL file that speak of them, and what they are done to.

use std::fmt;

/// What the object of a rule is, which says how it may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// Roles; `a/%` means every role beneath `a`.
    Roles,
    /// Names that are compared as they are.
    Names,
    /// Paths of endpoints, of those that are asked about at all.
    Paths,
    /// Nothing is told apart: only ANY and NONE can be meant.
    Whole,
}

/// A list of an ACL file: its name, the field that says to what its rules apply, and what that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    pub name: &'static str,
    pub object: &'static str,
    pub kind: ObjectKind,
}

/// Endpoints that [`Action::GetEndpoint`] is asked about. Source: Mesos authorization, "authorizable endpoints".
pub(crate) const ENDPOINTS: &[&str] = &[
    "/containers",
    "/containerizer/debug",
    "/files/debug",
    "/logging/toggle",
    "/metrics/snapshot",
    "/monitor/statistics",
];

/// Declares actions with their names and the lists that decide them; all lists must allow.
macro_rules! actions {
    ($($action:ident $name:literal { $($list:ident . $object:ident : $kind:ident),+ })*) => {
        /// What somebody wants to do. Source: Mesos' authorizer, enum `Action`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($action,)*
        }

        impl Action {
            pub const ALL: &[Action] = &[$(Action::$action,)*];

            /// As documents and logs name it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Action::$action => $name,)*
                }
            }

            /// The lists that speak of it. Where there are two, the second is about [`Object::under`].
            pub fn lists(self) -> &'static [List] {
                match self {
                    $(Action::$action => &[$(List {
                        name: stringify!($list),
                        object: stringify!($object),
                        kind: ObjectKind::$kind,
                    },)+],)*
                }
            }
        }
    };
}

actions! {
    RegisterFramework "REGISTER_FRAMEWORK" { register_frameworks.roles: Roles }
    RunTask "RUN_TASK" { run_tasks.users: Names }
    TeardownFramework "TEARDOWN_FRAMEWORK" { teardown_frameworks.framework_principals: Names }
    ReserveResources "RESERVE_RESOURCES" { reserve_resources.roles: Roles }
    UnreserveResources "UNRESERVE_RESOURCES" { unreserve_resources.reserver_principals: Names }
    CreateVolume "CREATE_VOLUME" { create_volumes.roles: Roles }
    DestroyVolume "DESTROY_VOLUME" { destroy_volumes.creator_principals: Names }
    ResizeVolume "RESIZE_VOLUME" { resize_volumes.roles: Roles }
    CreateBlockDisk "CREATE_BLOCK_DISK" { create_block_disks.roles: Roles }
    DestroyBlockDisk "DESTROY_BLOCK_DISK" { destroy_block_disks.roles: Roles }
    CreateMountDisk "CREATE_MOUNT_DISK" { create_mount_disks.roles: Roles }
    DestroyMountDisk "DESTROY_MOUNT_DISK" { destroy_mount_disks.roles: Roles }
    DestroyRawDisk "DESTROY_RAW_DISK" { destroy_raw_disks.roles: Roles }
    GetQuota "GET_QUOTA" { get_quotas.roles: Roles }
    UpdateQuota "UPDATE_QUOTA" { update_quotas.roles: Roles }
    UpdateWeight "UPDATE_WEIGHT" { update_weights.roles: Roles }
    ViewRole "VIEW_ROLE" { view_roles.roles: Roles }
    GetEndpoint "GET_ENDPOINT_WITH_PATH" { get_endpoints.paths: Paths }
    ViewFramework "VIEW_FRAMEWORK" { view_frameworks.users: Names }
    ViewTask "VIEW_TASK" { view_tasks.users: Names }
    ViewExecutor "VIEW_EXECUTOR" { view_executors.users: Names }
    AccessSandbox "ACCESS_SANDBOX" { access_sandboxes.users: Names }
    AccessMesosLog "ACCESS_MESOS_LOG" { access_mesos_logs.logs: Whole }
    ViewFlags "VIEW_FLAGS" { view_flags.flags: Whole }
    SetLogLevel "SET_LOG_LEVEL" { set_log_level.level: Whole }
    LaunchNestedContainer "LAUNCH_NESTED_CONTAINER" {
        launch_nested_containers_as_user.users: Names,
        launch_nested_containers_under_parent_with_user.users: Names
    }
    LaunchNestedContainerSession "LAUNCH_NESTED_CONTAINER_SESSION" {
        launch_nested_container_sessions_as_user.users: Names,
        launch_nested_container_sessions_under_parent_with_user.users: Names
    }
    KillNestedContainer "KILL_NESTED_CONTAINER" { kill_nested_containers.users: Names }
    WaitNestedContainer "WAIT_NESTED_CONTAINER" { wait_nested_containers.users: Names }
    RemoveNestedContainer "REMOVE_NESTED_CONTAINER" { remove_nested_containers.users: Names }
    AttachContainerInput "ATTACH_CONTAINER_INPUT" { attach_containers_input.users: Names }
    AttachContainerOutput "ATTACH_CONTAINER_OUTPUT" { attach_containers_output.users: Names }
    ViewContainer "VIEW_CONTAINER" { view_containers.users: Names }
    LaunchStandaloneContainer "LAUNCH_STANDALONE_CONTAINER" { launch_standalone_containers.users: Whole }
    KillStandaloneContainer "KILL_STANDALONE_CONTAINER" { kill_standalone_containers.users: Whole }
    WaitStandaloneContainer "WAIT_STANDALONE_CONTAINER" { wait_standalone_containers.users: Whole }
    RemoveStandaloneContainer "REMOVE_STANDALONE_CONTAINER" { remove_standalone_containers.users: Whole }
    ViewStandaloneContainer "VIEW_STANDALONE_CONTAINER" { view_standalone_containers.users: Whole }
    RegisterAgent "REGISTER_AGENT" { register_agents.agents: Whole }
    UpdateMaintenanceSchedule "UPDATE_MAINTENANCE_SCHEDULE" { update_maintenance_schedules.machines: Whole }
    GetMaintenanceSchedule "GET_MAINTENANCE_SCHEDULE" { get_maintenance_schedules.machines: Whole }
    StartMaintenance "START_MAINTENANCE" { start_maintenances.machines: Whole }
    StopMaintenance "STOP_MAINTENANCE" { stop_maintenances.machines: Whole }
    GetMaintenanceStatus "GET_MAINTENANCE_STATUS" { get_maintenance_statuses.machines: Whole }
    DrainAgent "DRAIN_AGENT" { drain_agents.agents: Whole }
    DeactivateAgent "DEACTIVATE_AGENT" { deactivate_agents.agents: Whole }
    ReactivateAgent "REACTIVATE_AGENT" { reactivate_agents.agents: Whole }
    MarkAgentGone "MARK_AGENT_GONE" { mark_agents_gone.agents: Whole }
    ModifyResourceProviderConfig "MODIFY_RESOURCE_PROVIDER_CONFIG" {
        modify_resource_provider_configs.resource_providers: Whole
    }
    MarkResourceProviderGone "MARK_RESOURCE_PROVIDER_GONE" {
        mark_resource_providers_gone.resource_providers: Whole
    }
    ViewResourceProvider "VIEW_RESOURCE_PROVIDER" { view_resource_providers.resource_providers: Whole }
    PruneImages "PRUNE_IMAGES" { prune_images.images: Whole }
}

impl Action {
    /// The action of this name, in either case; a list's name means the action it decides.
    pub fn named(name: &str) -> Option<Action> {
        let bears = |action: &&Action| {
            action.name().eq_ignore_ascii_case(name) || action.lists().iter().any(|list| list.name == name)
        };
        Action::ALL.iter().find(bears).copied()
    }

    /// Every list there is.
    pub fn all_lists() -> impl Iterator<Item = &'static List> {
        Action::ALL.iter().flat_map(|action| action.lists())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What something is done to: a role, a user, a principal, a path; or nothing in particular.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Object<'a> {
    /// Without one, whatever there is.
    pub value: Option<&'a str>,
    /// The user of the container this one is launched in.
    pub under: Option<&'a str>,
    /// The outermost container it is in.
    pub root: Option<&'a str>,
}

impl<'a> Object<'a> {
    /// Nothing in particular.
    pub const ANY: Object<'static> = Object { value: None, under: None, root: None };

    /// One thing, by its name.
    pub fn of(value: &'a str) -> Object<'a> {
        Object { value: Some(value), ..Object::ANY }
    }

    /// One thing if there is one.
    pub fn maybe(value: Option<&'a str>) -> Object<'a> {
        Object { value, ..Object::ANY }
    }

    /// In a container whose user is this one.
    pub fn under(self, user: &'a str) -> Object<'a> {
        Object { under: Some(user), ..self }
    }

    /// In the outermost container of this name.
    pub fn within(self, root: &'a str) -> Object<'a> {
        Object { root: Some(root), ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_list_belongs_to_one_action_and_every_action_is_found_by_name() {
        let names: Vec<&str> = Action::all_lists().map(|list| list.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for action in Action::ALL {
            assert_eq!(Action::named(action.name()), Some(*action));
            for list in action.lists() {
                assert_eq!(Action::named(list.name), Some(*action));
            }
        }
        assert_eq!(Action::named("run_task"), Some(Action::RunTask));
        assert_eq!(Action::named("fly"), None);
    }
}
