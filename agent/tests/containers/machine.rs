//! What tests and benches share: a containerizer in a runtime of its own, and all it tells.

#![allow(dead_code, reason = "each uses its own part of this module")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use agent::containerizer::{
    Config, ContainerConfig, ContainerEvent, Containerizer, Identity, Input, KnownContainer, LaunchFailure,
    Termination,
};
use libprocess::{Pid, Runtime, Spawn};
use model::ContainerId;

/// How long anything here may take on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(120);

/// A containerizer in a runtime of its own, and all it tells.
pub(crate) struct Machine {
    pub(crate) dir: tempfile::TempDir,
    /// Where the state of running containers lies.
    run: PathBuf,
    change: Box<dyn Fn(&mut Config)>,
    pub(crate) agent: Option<Agent>,
}

pub(crate) struct Agent {
    pub(crate) runtime: Runtime,
    pub(crate) containerizer: Pid<Containerizer>,
    pub(crate) events: Receiver<ContainerEvent>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// One that is run differently.
    pub(crate) fn with(change: impl Fn(&mut Config) + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        let mut machine = Self { dir, run, change: Box::new(change), agent: None };
        machine.start();
        machine
    }

    /// An agent begins; the one before it, if any, is gone without a word.
    pub(crate) fn start(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.runtime.shutdown();
        }
        let runtime = Runtime::start(libprocess::Config::default()).unwrap();
        let (tell, events) = mpsc::channel();
        let mut config = Config::new(self.dir.path().join("run"));
        (self.change)(&mut config);
        self.run = config.runtime_dir.clone();
        let make = move || Containerizer::new(config, Box::new(move |event| drop(tell.send(event)))).unwrap();
        let containerizer = runtime.spawn(Spawn::named("containerizer"), make).unwrap();
        self.agent = Some(Agent { runtime, containerizer, events });
    }

    pub(crate) fn say(&self, input: Input) {
        self.agent.as_ref().unwrap().containerizer.tell(input).unwrap();
    }

    pub(crate) fn hear(&self) -> ContainerEvent {
        let events = &self.agent.as_ref().unwrap().events;
        events.recv_timeout(PATIENCE).expect("an event in time")
    }

    pub(crate) fn sandbox(&self, id: &str) -> PathBuf {
        self.dir.path().join("work").join(id)
    }

    /// Holds a directory for each container whose supervisor is there or whose end is not forgotten.
    pub(crate) fn running(&self) -> PathBuf {
        self.run.join("containers")
    }

    pub(crate) fn runtime_dir(&self, id: &str) -> PathBuf {
        self.running().join(id)
    }

    pub(crate) fn launch_with(&self, id: &str, line: &str, change: impl FnOnce(&mut ContainerConfig)) {
        let mut config = ContainerConfig::shell(self.sandbox(id), line);
        config.environment.push(("PATH".into(), "/usr/bin:/bin".into()));
        change(&mut config);
        self.say(Input::Launch { id: ContainerId::new(id), config: Box::new(config) });
    }

    pub(crate) fn held(&self) -> Identity {
        match self.hear() {
            ContainerEvent::Held { identity, .. } => identity,
            other => panic!("expected Held, heard {other:?}"),
        }
    }

    /// Runs a line up to the moment it runs.
    pub(crate) fn run(&self, id: &str, line: &str) -> Identity {
        self.launch_with(id, line, |_| {});
        let identity = self.held();
        self.say(Input::Go { id: ContainerId::new(id) });
        assert!(matches!(self.hear(), ContainerEvent::Launched { .. }));
        identity
    }

    pub(crate) fn terminated(&self) -> Termination {
        match self.hear() {
            ContainerEvent::Terminated { termination, .. } => termination,
            other => panic!("expected Terminated, heard {other:?}"),
        }
    }

    pub(crate) fn failed(&self) -> LaunchFailure {
        match self.hear() {
            ContainerEvent::LaunchFailed { failure, .. } => failure,
            other => panic!("expected LaunchFailed, heard {other:?}"),
        }
    }

    pub(crate) fn recover(&self, known: &[(&str, Option<&Identity>)]) {
        let known = known
            .iter()
            .map(|(id, identity)| KnownContainer { id: ContainerId::new(*id), identity: identity.cloned() })
            .collect();
        self.say(Input::Recover { known });
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let Some(agent) = self.agent.take() else { return };
        agent.runtime.shutdown();
        // No test leaves a container behind; if one failed half way, its supervisors end it.
        for entry in fs::read_dir(self.running()).into_iter().flatten().flatten() {
            if let Ok(channel) = agent_linux::packet::Packets::connect(&entry.path(), "control") {
                let destroy = libprocess_wire::encode(&agent_launch::Request::Destroy);
                let _ = channel.send(&destroy);
            }
        }
    }
}

/// Tasks of another user must be able to enter their sandboxes.
pub(crate) fn open_to_all(dir: &Path) {
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = now();
    while !done() {
        assert!(now() - begun < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test with real processes lives in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
