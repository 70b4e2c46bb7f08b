//! Which parts of a task are sound in themselves, whatever else is known. Every text here is public.
//!
//! Source: scheduler semantics §4.1, items 4 to 11, and "Health check/check".

use model::check::{CheckKind, HealthCheckKind};
use model::{
    AgentCapabilities, AgentCapability, Check, CommandInfo, ContainerInfo, ContainerKind, HealthCheck, Limit,
    Resources, Scalar, TaskInfo, VariableValue, brief,
};

/// What a task or an executor may hold at once.
pub(super) fn resources(resources: &Resources) -> Result<(), String> {
    for resource in resources.iter() {
        resource.check().map_err(|fault| fault.to_string())?;
    }
    let allocations = resources.allocations();
    if let [first, second, ..] = allocations.keys().collect::<Vec<_>>()[..] {
        return Err(format!(
            "The resources have multiple allocation roles ('{first}' and '{second}') but only one allocation role is \
             allowed"
        ));
    }
    if let Some(id) = resources.duplicate_persistence() {
        return Err(format!("Task uses duplicate persistence ID {id}"));
    }
    if let Some(name) = resources.mixed_revocable() {
        return Err(format!("Cannot use both revocable and non-revocable '{name}' at the same time"));
    }
    Ok(())
}

/// A command.
pub(super) fn command(command: &CommandInfo) -> Result<(), String> {
    if command.shell && command.value.is_none() {
        return Err("Shell command is not specified".to_owned());
    }
    for variable in command.environment.iter() {
        let holds_nul = match &variable.value {
            VariableValue::Value(value) => value.contains('\0'),
            VariableValue::Secret(_) => false,
        };
        if variable.name.is_empty() || variable.name.contains(['=', '\0']) || holds_nul {
            return Err(format!(
                "Environment variable '{}' is invalid",
                brief(&variable.name.escape_debug().to_string())
            ));
        }
    }
    Ok(())
}

/// A container.
pub(super) fn container(container: &ContainerInfo) -> Result<(), String> {
    match container.kind {
        ContainerKind::Docker if container.docker.is_none() => {
            Err("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo".to_owned())
        }
        ContainerKind::Docker if container.mesos.is_some() => {
            Err("MesosInfo 'mesos' is set for DOCKER typed ContainerInfo".to_owned())
        }
        ContainerKind::Docker | ContainerKind::Mesos => Ok(()),
    }
}

/// A check that only reports.
pub(super) fn check(check: &Check) -> Result<(), String> {
    match &check.kind {
        CheckKind::Command(asks) => command_of_check(asks, "command check"),
        CheckKind::Http { path, .. } => path_of_check(path.as_deref(), "HTTP check"),
        CheckKind::Tcp { .. } => Ok(()),
    }
}

/// A check that kills.
pub(super) fn health_check(check: &HealthCheck) -> Result<(), String> {
    match &check.kind {
        HealthCheckKind::Command(asks) => command_of_check(asks, "command health check"),
        HealthCheckKind::Http { scheme, path, .. } => {
            match scheme.as_deref() {
                None | Some("http" | "https") => {}
                Some(other) => {
                    return Err(format!("Unsupported HTTP health check scheme: '{}'", brief(other)));
                }
            }
            path_of_check(path.as_deref(), "HTTP health check")
        }
        HealthCheckKind::Tcp { .. } => Ok(()),
    }
}

/// Whether a health check asks over the network.
pub(super) fn uses_network(check: &HealthCheck) -> bool {
    !matches!(check.kind, HealthCheckKind::Command(_))
}

fn command_of_check(asks: &CommandInfo, what: &str) -> Result<(), String> {
    let missing =
        if asks.shell { asks.value.is_none() } else { asks.value.is_none() && asks.arguments.is_empty() };
    if missing {
        let kind = if asks.shell { "Shell command" } else { "Executable path" };
        return Err(format!("{kind} is not specified for {what}"));
    }
    command(asks)
}

fn path_of_check(path: Option<&str>, what: &str) -> Result<(), String> {
    match path {
        Some(path) if !path.starts_with('/') => {
            Err(format!("The path '{}' of {what} must start with '/'", brief(path)))
        }
        _ => Ok(()),
    }
}

/// How much more than it asks for a task may use for a while.
pub(super) fn limits(task: &TaskInfo, agent: &AgentCapabilities) -> Result<(), String> {
    if task.limits.is_empty() {
        return Ok(());
    }
    if !agent.has(AgentCapability::TaskResourceLimits) {
        return Err("Agent does not support task resource limits".to_owned());
    }
    for (name, limit) in &task.limits {
        let asked: Scalar = match &**name {
            "cpus" => task.resources.cpus(),
            "mem" => task.resources.mem(),
            _ => {
                return Err(format!(
                    "Resource limit for '{}' is not supported: only for cpus and mem",
                    brief(name)
                ));
            }
        };
        if asked.is_zero() {
            return Err(format!("Resource limit for '{name}' needs a request for '{name}'"));
        }
        match limit {
            Limit::Finite(limit) if *limit < asked => {
                return Err(format!(
                    "Resource limit for '{name}' ({limit}) is less than the request ({asked})"
                ));
            }
            Limit::Finite(_) | Limit::Infinite => {}
        }
    }
    Ok(())
}
