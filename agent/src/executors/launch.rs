//! An executor's container, step by step: intended, launched, held at the gate, running.

use model::{CommandInfo, ContainerId, ContainerInfo, ExecutorKind, Time};

use super::environment::{asked, given};
use super::limits::limits;
use super::{ended, in_sandbox, show, shutdown};
use crate::alarms::{Alarm, Delay};
use crate::containerizer::{ContainerConfig, Identity};
use crate::containers::stdio;
use crate::effects::{Effect, Effects};
use crate::operations::volumes;
use crate::recovery::{Durable, Record};
use crate::state::{Executor, Key, Phase, Run, State};
use crate::tasks::Report;

/// The intent is on disk: the container may be launched, unless nobody needs it any more.
pub(crate) fn intended(state: &mut State, key: &Key, container: &ContainerId, now: Time) -> Effects {
    let timeout = state.settings.executor_registration_timeout;
    let Some(executor) = current(state, key, container) else { return Effects::new() };
    if executor.run != Run::Intended {
        return Effects::new();
    }
    if executor.phase == Phase::Terminating || (executor.queued.is_empty() && !executor.used) {
        // Shut down, or its tasks were killed meanwhile. There is no container to end.
        return ended(state, key, None, Report::executor_terminated(), now);
    }
    executor.run = Run::Launching;
    let executor = state.executor(key).expect("it was just changed");
    let config = config(state, executor);
    let latest = executor.directory.with_file_name("latest");
    let alarm = Alarm::Subscribed { executor: key.clone(), container: container.clone() };
    vec![
        Effect::Launch { id: container.clone(), config: Box::new(config), latest },
        Effect::Wake(alarm, Delay::Exactly(timeout)),
    ]
}

/// The container exists and waits: its volumes are shown, and who it is is written down, before its program may start.
pub(crate) fn held(state: &mut State, container: ContainerId, identity: Identity) -> Effects {
    let Some(key) = state.executor_in(&container) else { return vec![Effect::Destroy(container)] };
    // Whatever it needs is in its sandbox by now.
    state.counters.fetches_succeeded += 1;
    let executor = state.executor_mut(&key).expect("it was just found");
    executor.identity = Some(identity);
    match show::first(state, &key) {
        Some(show) => vec![show],
        None => ready(state, &key),
    }
}

/// All that a container needs is in its sandbox.
pub(super) fn ready(state: &State, key: &Key) -> Effects {
    let Some(executor) = state.executor(key) else { return Effects::new() };
    let Some(identity) = executor.identity.clone() else { return Effects::new() };
    let (framework, id) = key.clone();
    let record = executor.checkpoint.then_some(Record::Held { framework, executor: id, identity });
    let then = vec![Durable::Held { container: executor.container.clone() }];
    vec![Effect::Record { records: record.into_iter().collect(), then }]
}

/// Who the container is, is on disk.
pub(crate) fn held_durable(state: &State, container: ContainerId) -> Effects {
    match state.executor_in(&container) {
        Some(_) => vec![Effect::Go(container)],
        None => Effects::new(),
    }
}

/// The program runs.
pub(crate) fn launched(state: &mut State, container: &ContainerId, pid: u32) -> Effects {
    let Some(key) = state.executor_in(container) else { return Effects::new() };
    let executor = state.executor_mut(&key).expect("it was just found");
    executor.run = Run::Running(pid);
    match executor.phase {
        // It was shut down while it started, and could not be told.
        Phase::Terminating if executor.stream.is_none() => vec![Effect::Destroy(container.clone())],
        Phase::Registering if executor.queued.is_empty() => shutdown(state, &key),
        _ => Effects::new(),
    }
}

/// The executor, if it is still this run of it.
fn current<'a>(state: &'a mut State, key: &Key, container: &ContainerId) -> Option<&'a mut Executor> {
    state.executor_mut(key).filter(|executor| executor.container == *container)
}

/// An executor has more or less to do: its container may use what that takes.
///
/// One made for a command task has the same from its launch to its end.
pub(crate) fn resized(state: &State, key: &Key) -> Option<Effect> {
    let executor = state.executor(key)?;
    let alive = matches!(executor.run, Run::Running(_)) && executor.phase != Phase::Terminated;
    (alive && !executor.generated).then(|| resize(state, executor))
}

/// Tells the containerizer what a container may use, whoever launched it.
pub(crate) fn resize(state: &State, executor: &Executor) -> Effect {
    Effect::Update { id: executor.container.clone(), config: Box::new(config(state, executor)) }
}

/// What the containerizer is told.
fn config(state: &State, executor: &Executor) -> ContainerConfig {
    let settings = &state.settings;
    let command = executor.info.command.as_ref();
    let ours = executor.info.kind == Some(ExecutorKind::Default) || command.is_none();
    let (program, argv) = match command {
        Some(command) if !ours => words(command),
        _ => {
            let argv: Vec<_> = settings.executor.iter().cloned().chain(["--group".to_owned()]).collect();
            (argv.first().cloned().unwrap_or_default(), argv)
        }
    };
    let user = user(state, executor);
    ContainerConfig {
        resources: executor.resources(),
        limits: limits(executor),
        container: surroundings(executor),
        held: volumes::held(&settings.layout, &executor.resources()),
        shown: volumes::shown(&settings.layout, &in_sandbox(executor)),
        above: Vec::new(),
        secrets: super::environment::secrets(executor),
        session: false,
        inside: None,
        sandbox: executor.directory.to_path_buf(),
        program,
        argv,
        environment: given(state, executor),
        variables: asked(executor),
        user,
        working_dir: None,
        uris: command.map(|command| command.uris.clone()).unwrap_or_default(),
        stdout: None,
        stderr: None,
        stdio: stdio(executor.info.container.as_deref(), false).or_else(|| settings.logged()),
    }
}

/// How an executor is set apart. That of a command task with an image stays outside of the image, which has no program of
/// ours: what the task asks for is had by the container that it is run in.
fn surroundings(executor: &Executor) -> Option<ContainerInfo> {
    let asked = executor.info.container.as_deref()?;
    match executor.generated && asked.image().is_some() {
        false => Some(asked.clone()),
        true => {
            let mut outside = ContainerInfo::new(asked.kind);
            outside.networks = asked.networks.clone();
            Some(outside)
        }
    }
}

/// Whom an executor runs as; the agent's own user if `None`.
pub(crate) fn user(state: &State, executor: &Executor) -> Option<String> {
    named_user(state, executor).filter(|user| state.settings.switch_user && !user.is_empty())
}

/// Whom an executor says it runs as, or else its framework.
pub(crate) fn named_user(state: &State, executor: &Executor) -> Option<String> {
    let command = executor.info.command.as_ref().and_then(|command| command.user.clone());
    let framework = state.frameworks.get(&executor.framework);
    command.or_else(|| framework.map(|framework| framework.info.user.clone()))
}

/// A command as the kernel wants it.
pub(crate) fn words(command: &CommandInfo) -> (String, Vec<String>) {
    let value = command.value.clone().unwrap_or_default();
    if command.shell {
        return ("/bin/sh".to_owned(), vec!["sh".to_owned(), "-c".to_owned(), value]);
    }
    // Without any word the program still sees its own name.
    let argv = if command.arguments.is_empty() { vec![value.clone()] } else { command.arguments.clone() };
    (value, argv)
}
