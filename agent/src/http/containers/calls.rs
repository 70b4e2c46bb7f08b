//! What is asked of the agent about containers, and how its answers read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::v1::agent::{Call, Response as Answer, call, response};
use api::{convert, v1};
use libprocess::Edge;
use libprocess::http::{Response, StatusCode};
use model::{CommandInfo, ContainerId, ContainerInfo, Resources};
use security::Rights;

use super::output::{Spelling, attach_output};
use crate::actor::Agent;
use crate::authorization;
use crate::containers::{ContainerCall, LaunchCall, Told};
use crate::http::Wrong;
use crate::http::operator::{invalid, needed};
use crate::messages::{Door, Input, Letter};
use crate::public::Public;
use crate::state::{ContainerEnd, State};

/// A container may run for long before what is waited for happens.
const WITHIN: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The longest name of a container. Source: Mesos agent constants.
const NAME_MAX: usize = 242;

/// What a call about containers came to: a finished answer, or a body for the call's type; `None` if it is another call.
pub(crate) async fn outcome(
    call: &Call,
    ty: call::Type,
    rights: &Rights,
    state: &State,
    edge: &Edge<Agent>,
) -> Result<Option<Outcome>, Wrong> {
    use call::Type;
    let asked = match ty {
        Type::LaunchNestedContainer => {
            let launch = needed(&call.launch_nested_container, "launch_nested_container")?;
            let id = name(&launch.container_id, "launch_nested_container.container_id", true)?;
            let command = launch.command.clone();
            needs_command(command.as_ref(), "launch_nested_container")?;
            ContainerCall::Launch(Box::new(LaunchCall {
                id,
                command: convert_command(command, "launch_nested_container")?,
                container: convert_container(launch.container.clone(), "launch_nested_container")?,
                resources: Resources::default(),
                limits: BTreeMap::new(),
                session: false,
            }))
        }
        Type::LaunchContainer => {
            let launch = needed(&call.launch_container, "launch_container")?;
            ContainerCall::Launch(Box::new(of_launch(launch)?))
        }
        Type::WaitNestedContainer => {
            let id = &needed(&call.wait_nested_container, "wait_nested_container")?.container_id;
            ContainerCall::Wait(name(id, "wait_nested_container.container_id", true)?)
        }
        Type::WaitContainer => {
            let id = &needed(&call.wait_container, "wait_container")?.container_id;
            ContainerCall::Wait(name(id, "wait_container.container_id", false)?)
        }
        Type::KillNestedContainer => {
            let kill = needed(&call.kill_nested_container, "kill_nested_container")?;
            let id = name(&kill.container_id, "kill_nested_container.container_id", true)?;
            ContainerCall::Kill { id, signal: signal(kill.signal)? }
        }
        Type::KillContainer => {
            let kill = needed(&call.kill_container, "kill_container")?;
            let id = name(&kill.container_id, "kill_container.container_id", false)?;
            ContainerCall::Kill { id, signal: signal(kill.signal)? }
        }
        Type::RemoveNestedContainer => {
            let id = &needed(&call.remove_nested_container, "remove_nested_container")?.container_id;
            ContainerCall::Remove(name(id, "remove_nested_container.container_id", true)?)
        }
        Type::RemoveContainer => {
            let id = &needed(&call.remove_container, "remove_container")?.container_id;
            ContainerCall::Remove(name(id, "remove_container.container_id", false)?)
        }
        _ => return Ok(None),
    };
    let id = match &asked {
        ContainerCall::Launch(launch) => launch.id.clone(),
        ContainerCall::Wait(id) | ContainerCall::Remove(id) | ContainerCall::Kill { id, .. } => id.clone(),
    };
    match &asked {
        ContainerCall::Launch(launch) => {
            let user = launch.command.as_ref().and_then(|command| command.user.as_deref());
            authorization::launch(rights, state, false, &id, user)?;
        }
        _ => authorization::act(rights, state, ty, &id)?,
    }
    answered(ty, &id, ask(edge, asked).await?).map(Some)
}

/// Launches a container that lives for this very answer: what it writes.
pub(crate) async fn launch_session(
    call: &Call,
    rights: &Rights,
    spelling: Spelling,
    edge: &Edge<Agent>,
    public: &Arc<Public>,
) -> Result<Response, Wrong> {
    const FIELD: &str = "launch_nested_container_session";
    let launch = needed(&call.launch_nested_container_session, FIELD)?;
    let id = name(&launch.container_id, "launch_nested_container_session.container_id", true)?;
    needs_command(launch.command.as_ref(), FIELD)?;
    let user = launch.command.as_ref().and_then(|command| command.user.as_deref());
    authorization::launch(rights, &public.state(), true, &id, user)?;
    let asked = LaunchCall {
        id: id.clone(),
        command: convert_command(launch.command.clone(), FIELD)?,
        container: convert_container(launch.container.clone(), FIELD)?,
        resources: Resources::default(),
        limits: BTreeMap::new(),
        session: true,
    };
    match ask(edge, ContainerCall::Launch(Box::new(asked))).await? {
        Told::Launched => attach_output(&id, spelling, edge, public),
        other => match answered(call::Type::LaunchNestedContainerSession, &id, other)? {
            Outcome::Empty(response) => Ok(response),
            Outcome::Body(_) => Ok(Response::ok()),
        },
    }
}

/// How a call is answered.
pub(crate) enum Outcome {
    /// As it is.
    Empty(Response),
    /// By a message of the call's type.
    Body(Box<Answer>),
}

async fn ask(edge: &Edge<Agent>, call: ContainerCall) -> Result<Told, Wrong> {
    let told = edge.pid.call(WITHIN, |reply| {
        let door = Door { told: Some(reply), ..Door::default() };
        Letter(Input::ContainerCall { call, door })
    });
    told.await.map_err(|_| Wrong::new(StatusCode::SERVICE_UNAVAILABLE, "Agent is not available"))
}

/// The answer's status and text. Source: Mesos agent operator API.
fn answered(ty: call::Type, id: &ContainerId, told: Told) -> Result<Outcome, Wrong> {
    use call::Type;
    let not_found = |text: String| Err(Wrong::new(StatusCode::NOT_FOUND, text));
    match told {
        Told::Launched | Told::Done => Ok(Outcome::Empty(Response::ok())),
        Told::Already => Ok(Outcome::Empty(Response::accepted())),
        Told::Failed(why) => Err(Wrong::bad_request(why)),
        Told::Unknown if matches!(ty, Type::KillContainer | Type::KillNestedContainer) => {
            not_found(format!("Container '{id}' cannot be found (or is already killed)"))
        }
        Told::Unknown => not_found(format!("Container {id} cannot be found")),
        Told::Running => Err(Wrong::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("Container {id} has not terminated yet"),
        )),
        Told::Ended(end, broke) => Ok(Outcome::Body(Box::new(spelled(ty, end, broke)))),
    }
}

fn spelled(ty: call::Type, end: ContainerEnd, broke: Option<Resources>) -> Answer {
    let state = end.state.map(|state| v1::TaskState::from(state).into());
    let reason = end.reason.map(|reason| reason.number());
    let limitation = broke.map(|used| v1::TaskResourceLimitation {
        resources: convert::resources::write(&used, convert::Spelling::FULL),
    });
    let mut answer = Answer::default();
    match ty {
        call::Type::WaitNestedContainer => {
            answer.wait_nested_container = Some(response::WaitNestedContainer {
                exit_status: end.status,
                state,
                reason,
                limitation,
                message: end.message,
            });
        }
        _ => {
            answer.wait_container = Some(response::WaitContainer {
                exit_status: end.status,
                state,
                reason,
                limitation,
                message: end.message,
            });
        }
    }
    answer
}

/// Source: Mesos agent call validation, LAUNCH_CONTAINER.
fn of_launch(launch: &call::LaunchContainer) -> Result<LaunchCall, Wrong> {
    const FIELD: &str = "launch_container";
    let id = name(&launch.container_id, "launch_container.container_id", false)?;
    let resources = resources(launch.resources.clone())?;
    let limits = convert::limits(launch.limits.clone())
        .map_err(|error| invalid(&format!("launch_container.limits: {error}")))?;
    let depth = id.path().len();
    let shares = launch
        .container
        .as_ref()
        .and_then(|container| container.linux_info.as_ref())
        .and_then(|linux| linux.share_cgroups);
    if depth == 1 {
        if resources.iter().any(|resource| !resource.reservations.is_empty()) {
            return Err(invalid("Resources of a standalone container must be unreserved"));
        }
        if !resources.revocable().is_empty() {
            return Err(invalid("Resources of a standalone container must be non-revocable"));
        }
        if resources
            .iter()
            .any(|resource| resource.disk.as_ref().is_some_and(|disk| disk.persistence.is_some()))
        {
            return Err(invalid("Resources of a standalone container must hold no persistent volumes"));
        }
        if shares == Some(true) {
            return Err(invalid(
                "'launch_container.container.linux_info.share_cgroups' cannot be 'true' for a standalone container",
            ));
        }
    }
    if depth > 2 && (!resources.is_empty() || !launch.limits.is_empty() || shares == Some(false)) {
        return Err(invalid(
            "Containers at the second level of nesting, or deeper, can have neither resources, nor limits, nor \
             'share_cgroups' as 'false'",
        ));
    }
    Ok(LaunchCall {
        id,
        command: convert_command(launch.command.clone(), FIELD)?,
        container: convert_container(launch.container.clone(), FIELD)?,
        resources,
        limits,
        session: false,
    })
}

fn resources(resources: Vec<v1::Resource>) -> Result<Resources, Wrong> {
    convert::resources::read(resources)
        .map_err(|error| invalid(&format!("launch_container.resources: {error}")))
}

/// A container's name, each part judged as the original does.
pub(crate) fn name(id: &v1::ContainerId, field: &str, nested: bool) -> Result<ContainerId, Wrong> {
    let id = ContainerId::from(id.clone());
    if nested && id.parent().is_none() {
        return Err(invalid(&format!("Expecting '{field}.parent' to be present")));
    }
    for part in id.path() {
        let odd = |c: char| c == '/' || c == '.' || c == ' ' || c.is_control();
        if part.is_empty() || part.len() > NAME_MAX || part.contains(odd) {
            return Err(invalid(&format!(
                "'{field}.value' is invalid: '{part}' must have 1 to {NAME_MAX} characters, none of them a slash, a \
                 dot, a space or a control character"
            )));
        }
    }
    Ok(id)
}

fn needs_command(command: Option<&v1::CommandInfo>, field: &str) -> Result<(), Wrong> {
    let Some(command) = command else { return Ok(()) };
    if command.shell.unwrap_or(true) && command.value.is_none() {
        return Err(invalid(&format!("'{field}.command' is invalid: Shell command's value is not set")));
    }
    Ok(())
}

fn convert_command(command: Option<v1::CommandInfo>, field: &str) -> Result<Option<CommandInfo>, Wrong> {
    let command = command.map(CommandInfo::try_from).transpose();
    command.map_err(|error| invalid(&format!("{field}.command: {error}")))
}

fn convert_container(
    container: Option<v1::ContainerInfo>,
    field: &str,
) -> Result<Option<ContainerInfo>, Wrong> {
    let container = container.map(ContainerInfo::try_from).transpose();
    container.map_err(|error| invalid(&format!("{field}.container: {error}")))
}

fn signal(signal: Option<i32>) -> Result<i32, Wrong> {
    match signal {
        None => Ok(9),
        Some(signal @ 1..=64) => Ok(signal),
        Some(other) => Err(invalid(&format!("{other} is not the number of a signal"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_told_what_was_used_of_what_was_limited() {
        let used: Resources = "mem:48".parse().unwrap();
        let of = |ty| spelled(ty, ContainerEnd::default(), Some(used.clone()));
        let container = of(call::Type::WaitContainer).wait_container.and_then(|wait| wait.limitation);
        let nested =
            of(call::Type::WaitNestedContainer).wait_nested_container.and_then(|wait| wait.limitation);
        for limitation in [container, nested] {
            assert_eq!(convert::resources::read(limitation.unwrap().resources).unwrap(), used);
        }
    }
}
