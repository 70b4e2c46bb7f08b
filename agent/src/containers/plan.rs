//! What a container is run with: its surroundings are those of its parent, as far as nothing else is said.

use std::path::{Path, PathBuf};

use agent_launch::{Rotation, Window};
use model::{CommandInfo, ContainerId, ContainerInfo, Resources, VariableValue};

use super::LaunchCall;
use crate::containerizer::{ContainerConfig, KeptStdio};
use crate::executors;
use crate::operations::volumes;
use crate::state::{Boxed, Container, Executor, Run, State};

/// What is around a container that is to be launched.
pub(super) struct Around {
    pub sandbox: PathBuf,
    pub user: Option<String>,
    pub environment: Vec<(String, String)>,
    pub checkpoint: bool,
    /// What has its volumes in that sandbox.
    pub shown: Resources,
    /// It is the executor of a command task, whose one task may be in a container of its own.
    pub of_task: bool,
}

/// What is around `id`.
///
/// Errors: nothing runs there, and what to say of that.
pub(super) fn around(state: &State, id: &ContainerId) -> Result<Option<Around>, String> {
    let Some(parent) = id.parent() else { return Ok(None) };
    if let Some(container) = state.containers.get(&parent) {
        return match container.run {
            Run::Running(_) if !container.session => Ok(Some(Around {
                sandbox: container.sandbox().to_owned(),
                user: container.config.user.clone(),
                environment: container.config.environment.clone(),
                checkpoint: container.checkpoint,
                shown: container.config.resources.clone(),
                of_task: false,
            })),
            _ if container.session => Err(format!("Parent container {parent} is a session")),
            Run::Ended => Err(format!("Parent container {parent} has terminated")),
            _ => Err(format!("Parent container {parent} is not running")),
        };
    }
    let executor = state.executor_in(&parent).and_then(|key| state.executor(&key));
    match executor {
        Some(executor) if runs(executor) => Ok(Some(Around {
            sandbox: executor.directory.to_path_buf(),
            user: executors::user(state, executor),
            // Its token is for the executor alone.
            environment: executors::environment(state, executor)
                .into_iter()
                .filter(|(name, _)| name != executors::TOKEN)
                .collect(),
            checkpoint: executor.checkpoint,
            shown: executors::in_sandbox(executor),
            of_task: executor.generated,
        })),
        Some(_) => Err(format!("Parent container {parent} is not running")),
        None => Err(format!("Parent container {parent} does not exist")),
    }
}

/// Whether its program runs: one that speaks to us does, even before its supervisor has said so.
fn runs(executor: &Executor) -> bool {
    match executor.run {
        Run::Running(_) => true,
        Run::Launching => executor.stream.is_some(),
        Run::Intended | Run::Ended => false,
    }
}

/// What is remembered of the container, and what the containerizer is told.
///
/// Source: Mesos, launching nested and standalone containers; a session sees what its parent sees, and starts where it
/// did.
pub(super) fn plan(state: &State, call: &LaunchCall, around: Option<Around>) -> (Boxed, ContainerConfig) {
    let settings = &state.settings;
    let sandbox = match &around {
        // So does the task of a command executor, whose files are looked for in that one's.
        Some(around) if call.session || around.of_task => around.sandbox.clone(),
        Some(around) => around.sandbox.join("containers").join(call.id.value()),
        None => settings.layout.standalone(&call.id),
    };
    let command = call.command.as_ref();
    let user = command
        .and_then(|command| command.user.clone())
        .or_else(|| around.as_ref().and_then(|around| around.user.clone()))
        .filter(|user| settings.switch_user && !user.is_empty());
    let above =
        around.as_ref().map(|around| volumes::shown(&settings.layout, &around.shown)).unwrap_or_default();
    let task = around.as_ref().filter(|around| around.of_task && call.session);
    let inside = task.and_then(|_| task_within(state, &call.id.parent()?));
    let path = settings.path.clone().unwrap_or_else(|| executors::PATH.to_owned());
    let mut environment = match around {
        Some(around) if call.session => around.environment,
        _ => vec![("PATH".to_owned(), path.clone())],
    };
    if !call.session {
        environment.push(("MESOS_SANDBOX".to_owned(), sandbox.display().to_string()));
    }
    let mut secrets = Vec::new();
    for variable in command.iter().flat_map(|command| command.environment.iter()) {
        match &variable.value {
            VariableValue::Value(value) => environment.push((variable.name.clone(), value.clone())),
            VariableValue::Secret(secret) => secrets.push((variable.name.clone(), secret.clone())),
        }
    }
    let stdio = stdio(call.container.as_ref(), call.session);
    if stdio.as_ref().is_some_and(|stdio| stdio.terminal.is_some())
        && !environment.iter().any(|(name, _)| name == "TERM")
    {
        environment.push(("TERM".to_owned(), "xterm".to_owned()));
    }
    let boxed = Boxed {
        sandbox: sandbox.display().to_string(),
        user: user.clone(),
        environment: environment.clone(),
        resources: call.resources.clone(),
    };
    let (program, argv) = command.map(executors::words).unwrap_or_default();
    // What is the agent's own gives way to what an image says.
    let (environment, variables) =
        environment.into_iter().partition(|(name, value)| name == "PATH" && *value == path);
    let config = ContainerConfig {
        working_dir: working_dir(&sandbox),
        sandbox,
        program,
        argv,
        environment,
        variables,
        user,
        uris: command.map(|command: &CommandInfo| command.uris.clone()).unwrap_or_default(),
        stdout: None,
        stderr: None,
        stdio: stdio.or_else(|| settings.logged()),
        resources: call.resources.clone(),
        limits: call.limits.clone(),
        // A session is set apart as what it looks into is.
        container: call.container.clone().filter(|_| !call.session),
        secrets,
        session: call.session,
        inside,
        held: volumes::held(&settings.layout, &call.resources),
        shown: volumes::shown(&settings.layout, &call.resources),
        above,
    };
    (boxed, config)
}

/// Whether it is that of an executor, or one of those that are launched by calls.
pub(crate) fn knows(state: &State, id: &ContainerId) -> bool {
    state.containers.contains_key(id) || state.executor_in(id).is_some()
}

/// The container of a command executor's task within the executor's own, which is what people mean to look into.
pub(crate) fn task_within(state: &State, executor: &ContainerId) -> Option<ContainerId> {
    state.executor(&state.executor_in(executor)?).filter(|executor| executor.generated)?;
    let running = |one: &&Container| !one.session && matches!(one.run, Run::Running(_));
    state.containers_inside(executor).find(running).map(|one| one.id.clone())
}

fn working_dir(sandbox: &Path) -> Option<PathBuf> {
    Some(sandbox.to_owned())
}

/// Who is looked at while it runs has its input and output kept.
pub(crate) fn stdio(container: Option<&ContainerInfo>, session: bool) -> Option<KeptStdio> {
    let tty = container.and_then(|container| container.tty);
    if tty.is_none() && !session {
        return None;
    }
    let terminal = tty.map(|tty| {
        let (rows, columns) = tty.window.unwrap_or((24, 80));
        let bounded = |size: u32| u16::try_from(size).unwrap_or(u16::MAX);
        Window { rows: bounded(rows), columns: bounded(columns) }
    });
    let logged = (!session).then_some(Rotation { bytes_max: 0, kept_max: 0 });
    Some(KeptStdio { terminal, input: true, logged, session })
}
