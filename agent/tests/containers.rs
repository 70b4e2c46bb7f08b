//! The containerizer from outside, with real processes: launched, watched, ended, found again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use agent::containerizer::{
    Cause, Config, ContainerConfig, ContainerEvent, Containerizer, Identity, Input, KnownContainer,
    LaunchFailure, LaunchStep, Termination,
};
use agent_linux::child::Spent;
use agent_linux::process::ProcessId;
use libprocess::{Pid, Runtime, Spawn};
use model::{ContainerId, Uri};

/// A containerizer in a runtime of its own, and all it tells.
struct Machine {
    dir: tempfile::TempDir,
    agent: Option<Agent>,
}

struct Agent {
    runtime: Runtime,
    containerizer: Pid<Containerizer>,
    events: Receiver<ContainerEvent>,
}

impl Machine {
    fn new() -> Self {
        let mut machine = Self { dir: tempfile::tempdir().unwrap(), agent: None };
        machine.start();
        machine
    }

    /// An agent begins; the one before it, if any, is gone without a word.
    fn start(&mut self) {
        if let Some(agent) = self.agent.take() {
            agent.runtime.shutdown();
        }
        let runtime = Runtime::start(libprocess::Config::default()).unwrap();
        let (tell, events) = mpsc::channel();
        let config = Config::new(self.dir.path().join("run"));
        let make = move || Containerizer::new(config, Box::new(move |event| drop(tell.send(event)))).unwrap();
        let containerizer = runtime.spawn(Spawn::named("containerizer"), make).unwrap();
        self.agent = Some(Agent { runtime, containerizer, events });
    }

    fn say(&self, input: Input) {
        self.agent.as_ref().unwrap().containerizer.tell(input).unwrap();
    }

    fn hear(&self) -> ContainerEvent {
        let events = &self.agent.as_ref().unwrap().events;
        events.recv_timeout(Duration::from_secs(20)).expect("an event within twenty seconds")
    }

    fn sandbox(&self, id: &str) -> PathBuf {
        self.dir.path().join("work").join(id)
    }

    fn runtime_dir(&self, id: &str) -> PathBuf {
        self.dir.path().join("run/containers").join(id)
    }

    fn launch_with(&self, id: &str, line: &str, change: impl FnOnce(&mut ContainerConfig)) {
        let mut config = ContainerConfig::shell(self.sandbox(id), line);
        config.environment.push(("PATH".into(), "/usr/bin:/bin".into()));
        change(&mut config);
        self.say(Input::Launch { id: ContainerId::new(id), config: Box::new(config) });
    }

    fn held(&self) -> Identity {
        match self.hear() {
            ContainerEvent::Held { identity, .. } => identity,
            other => panic!("expected Held, heard {other:?}"),
        }
    }

    /// Runs a line up to the moment it runs.
    fn run(&self, id: &str, line: &str) -> Identity {
        self.launch_with(id, line, |_| {});
        let identity = self.held();
        self.say(Input::Go { id: ContainerId::new(id) });
        assert!(matches!(self.hear(), ContainerEvent::Launched { .. }));
        identity
    }

    fn terminated(&self) -> Termination {
        match self.hear() {
            ContainerEvent::Terminated { termination, .. } => termination,
            other => panic!("expected Terminated, heard {other:?}"),
        }
    }

    fn failed(&self) -> LaunchFailure {
        match self.hear() {
            ContainerEvent::LaunchFailed { failure, .. } => failure,
            other => panic!("expected LaunchFailed, heard {other:?}"),
        }
    }

    fn recover(&self, known: &[(&str, Option<&Identity>)]) {
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
        for entry in fs::read_dir(self.dir.path().join("run/containers")).into_iter().flatten().flatten() {
            if let Ok(channel) = agent_linux::packet::Packets::connect(&entry.path(), "control") {
                let destroy = libprocess_wire::encode(&agent_launch::Request::Destroy);
                let _ = channel.send(&destroy);
            }
        }
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = now();
    while !done() {
        assert!(now() - begun < Duration::from_secs(20), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test with real processes lives in real time")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_container_runs_in_its_sandbox_and_its_end_is_told_once() {
    let machine = Machine::new();
    machine.launch_with("c1", "echo $NAME in $PWD; echo bad >&2; exit 3", |config| {
        config.environment.push(("NAME".into(), "first".into()));
        config.environment.push(("NAME".into(), "second".into()));
    });
    machine.held();
    assert!(!machine.sandbox("c1").join("stdout").exists());
    machine.say(Input::Go { id: ContainerId::new("c1") });
    assert!(matches!(machine.hear(), ContainerEvent::Launched { pid, .. } if pid > 1));

    let end = machine.terminated();
    assert_eq!(
        (end.status, end.cause, end.message.as_str()),
        (Some(3 << 8), Cause::Exited, "exited with status 3")
    );
    let said = fs::read_to_string(machine.sandbox("c1").join("stdout")).unwrap();
    assert_eq!(said, format!("second in {}\n", machine.sandbox("c1").display()));
    assert_eq!(fs::read_to_string(machine.sandbox("c1").join("stderr")).unwrap(), "bad\n");

    machine.say(Input::Forget { id: ContainerId::new("c1") });
    wait_until("its runtime directory is gone", || !machine.runtime_dir("c1").exists());
    assert!(machine.agent.as_ref().unwrap().events.try_recv().is_err());
}

#[test]
fn a_signal_reaches_the_task_and_a_destroy_everything() {
    let machine = Machine::new();
    machine.run("c1", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done");
    let stdout = machine.sandbox("c1").join("stdout");
    wait_until("it is ready", || fs::read_to_string(&stdout).is_ok_and(|text| !text.is_empty()));
    machine.say(Input::Kill { id: ContainerId::new("c1"), signal: 15 });
    assert_eq!(machine.terminated().message, "exited with status 7");

    machine.run("c2", "trap '' TERM; setsid sleep 300 & sleep 300");
    machine.say(Input::Destroy { id: ContainerId::new("c2") });
    let end = machine.terminated();
    assert_eq!((end.cause, end.message.as_str()), (Cause::Destroyed, "terminated with signal Killed"));
}

#[test]
fn a_launch_that_cannot_be_says_how_far_it_came() {
    let machine = Machine::new();
    machine.launch_with("c1", "", |config| config.user = Some("no-such-user-here".into()));
    let failure = machine.failed();
    assert_eq!(failure.step, LaunchStep::Prepare);
    assert_eq!(failure.message, "failed to run as user 'no-such-user-here': there is no such user");

    machine.launch_with("c2", "", |config| config.program = "/no/such/program".into());
    machine.held();
    machine.say(Input::Go { id: ContainerId::new("c2") });
    let failure = machine.failed();
    assert_eq!(failure.step, LaunchStep::Exec);
    assert_eq!(
        failure.message,
        "failed to execute '/no/such/program': No such file or directory (os error 2)"
    );

    machine.launch_with("c3", "", |config| config.uris = vec![Uri::new("/no/such/file")]);
    let failure = machine.failed();
    assert_eq!(failure.step, LaunchStep::Fetch);
    assert_eq!(
        failure.message,
        "Failed to fetch all URIs for container: failed to fetch '/no/such/file': No such file or directory (os error 2)"
    );
}

#[test]
fn a_destroy_at_any_point_of_a_launch_answers_it_once() {
    let machine = Machine::new();
    // Held: the gate never opens.
    machine.launch_with("c1", "echo never", |_| {});
    machine.held();
    machine.say(Input::Destroy { id: ContainerId::new("c1") });
    assert_eq!(machine.failed().step, LaunchStep::Destroyed);
    assert!(!machine.sandbox("c1").join("stdout").exists());

    // At once: somewhere between queue and gate.
    for round in 0..10 {
        let id = format!("d{round}");
        machine.launch_with(&id, "echo never", |_| {});
        machine.say(Input::Destroy { id: ContainerId::new(id.as_str()) });
        assert_eq!(machine.failed().step, LaunchStep::Destroyed);
    }
}

#[test]
fn a_container_outlives_its_agent_and_its_exit_code_is_found() {
    let mut machine = Machine::new();
    let (running, ended) = (
        machine.run("stays", "sleep 300"),
        machine.run("ends", "while [ ! -e end ]; do sleep 0.01; done; exit 37"),
    );
    let never = ContainerId::new("never");
    // Only intended: nothing was started for it.
    machine.start();
    fs::write(machine.sandbox("ends").join("end"), "").unwrap();
    wait_until("the second has ended", || machine.runtime_dir("ends").join("status").exists());

    machine.recover(&[("stays", Some(&running)), ("ends", Some(&ended)), ("never", None)]);

    let mut told = BTreeMap::new();
    let (found, orphans) = loop {
        match machine.hear() {
            ContainerEvent::Recovered { running, orphans } => break (running, orphans),
            ContainerEvent::Terminated { id, termination } => drop(told.insert(id, termination.status)),
            ContainerEvent::LaunchFailed { id, failure } => {
                assert_eq!((id, failure.step), (never.clone(), LaunchStep::Interrupted));
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told, BTreeMap::from([(ContainerId::new("ends"), Some(37 << 8))]));
    assert_eq!((found, orphans), (vec![(ContainerId::new("stays"), running)], vec![]));

    machine.say(Input::Destroy { id: ContainerId::new("stays") });
    assert_eq!(machine.terminated().cause, Cause::Destroyed);
}

#[test]
fn what_no_journal_knows_is_destroyed() {
    let mut machine = Machine::new();
    let identity = machine.run("orphan", "sleep 300");
    machine.start();
    machine.recover(&[]);
    let ContainerEvent::Recovered { running, orphans } = machine.hear() else { panic!("not recovered") };
    assert_eq!((running, orphans), (vec![], vec![ContainerId::new("orphan")]));
    wait_until("it is gone", || !machine.runtime_dir("orphan").exists());
    let task = ProcessId { pid: identity.task, started: identity.task_started };
    assert!(task.open().is_err());
}

#[test]
fn an_earlier_boot_is_lost_and_nothing_of_it_is_signalled() {
    let mut machine = Machine::new();
    let stranger = std::process::Command::new("sleep").arg("300").spawn().unwrap();
    let them = ProcessId::of(stranger.id()).unwrap();
    let of = |boot: &str| Identity {
        boot_id: boot.into(),
        supervisor: them.pid,
        supervisor_started: them.started + 1,
        task: them.pid,
        task_started: them.started + 1,
    };
    machine.start();
    let same = agent_linux::process::boot_id().unwrap();
    machine.recover(&[("before", Some(&of("another-boot"))), ("reused", Some(&of(&same)))]);
    let causes = [machine.terminated().cause, machine.terminated().cause];
    assert_eq!(causes, [Cause::Rebooted, Cause::SupervisorLost]);
    assert!(matches!(machine.hear(), ContainerEvent::Recovered { .. }));
    // A number that was the container's and is somebody else's by now.
    them.open().unwrap().signal(0).unwrap();
    them.open().unwrap().signal(9).unwrap();
    let mut stranger = stranger;
    stranger.wait().unwrap();
}

#[test]
fn a_lost_supervisor_takes_its_container_with_it() {
    let machine = Machine::new();
    let identity = machine.run("c1", "sleep 300 & sleep 300");
    let supervisor = ProcessId { pid: identity.supervisor, started: identity.supervisor_started };
    supervisor.open().unwrap().signal(9).unwrap();
    let end = machine.terminated();
    assert_eq!((end.status, end.cause), (None, Cause::SupervisorLost));
    let task = ProcessId { pid: identity.task, started: identity.task_started };
    wait_until("its task is gone", || task.open().map_or(true, |pidfd| pidfd.ended()));
}

#[test]
fn what_running_containers_use_is_known() {
    let machine = Machine::new();
    machine.run("c1", "sleep 300 & sleep 300");
    let agent = machine.agent.as_ref().unwrap();
    let ask = || {
        let asked = agent.containerizer.call(Duration::from_secs(10), |reply| Input::Usage { reply });
        agent.runtime.block_on(asked).unwrap()[&ContainerId::new("c1")]
    };
    wait_until("both children are there", || ask().processes == 3);
    assert!(ask().resident_bytes > 100_000);
    machine.say(Input::Destroy { id: ContainerId::new("c1") });
    machine.terminated();
}

#[test]
fn uris_are_in_the_sandbox_before_the_program_runs() {
    let machine = Machine::new();
    let source = machine.dir.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("run.sh"), "#!/bin/sh\necho ran $1\n").unwrap();
    fs::write(source.join("data.txt"), "data\n").unwrap();
    let made = std::process::Command::new("tar")
        .args(["-C", source.to_str().unwrap(), "-czf", source.join("data.tgz").to_str().unwrap(), "data.txt"])
        .status()
        .unwrap();
    assert!(made.success());
    machine.launch_with("c1", "./bin/run.sh well; cat data.txt", |config| {
        let uri = |name: &str| Uri::new(source.join(name).to_str().unwrap());
        config.uris = vec![
            Uri { executable: true, output_file: Some("bin/run.sh".into()), ..uri("run.sh") },
            uri("data.tgz"),
        ];
    });
    machine.held();
    machine.say(Input::Go { id: ContainerId::new("c1") });
    machine.hear();
    assert_eq!(machine.terminated().message, "exited with status 0");
    assert_eq!(fs::read_to_string(machine.sandbox("c1").join("stdout")).unwrap(), "ran well\ndata\n");
}

#[test]
fn a_launch_costs_little() {
    let machine = Machine::new();
    let rounds = 200;
    // The first one seals the program and warms what it touches.
    machine.run("warm", "exit 0");
    machine.terminated();

    let before = Spent::so_far();
    let begun = now();
    let mut open = 0;
    for round in 0..rounds {
        machine.launch_with(&format!("c{round}"), "", |config| {
            config.program = "/bin/true".into();
            config.argv = vec!["true".into()];
        });
        open += 1;
    }
    while open > 0 {
        match machine.hear() {
            ContainerEvent::Held { id, .. } => machine.say(Input::Go { id }),
            ContainerEvent::Launched { .. } => {}
            ContainerEvent::Terminated { id, .. } => {
                open -= 1;
                machine.say(Input::Forget { id });
            }
            other => panic!("{other:?}"),
        }
    }
    let took = now() - begun;
    wait_until("all supervisors are gone", || {
        fs::read_dir(machine.dir.path().join("run/containers")).unwrap().count() <= 1
    });
    let after = Spent::so_far();
    let micros = |spent: [Spent; 2]| spent.map(|of| of.user_micros + of.system_micros);
    let [mine, theirs] = micros(after);
    let [mine_before, theirs_before] = micros(before);
    let each = |micros: u64| micros as f64 / 1000.0 / f64::from(rounds);
    eprintln!(
        "{rounds} launches of `true`: {:.0}/s, CPU per launch {:.2} ms (agent {:.2}, supervisor and task {:.2})",
        f64::from(rounds) / took.as_secs_f64(),
        each(mine - mine_before + theirs - theirs_before),
        each(mine - mine_before),
        each(theirs - theirs_before),
    );
}

#[test]
fn a_fetched_file_is_read_with_the_rights_of_the_task() {
    if agent_linux::user::effective() != 0 || agent_linux::user::find("nobody").unwrap().is_none() {
        eprintln!("skipped: only root may run tasks as somebody else");
        return;
    }
    let machine = Machine::new();
    open_to_all(machine.dir.path());
    let secret = machine.dir.path().join("secret");
    fs::write(&secret, "for root alone").unwrap();
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    machine.launch_with("c1", "cat secret", |config| {
        config.user = Some("nobody".into());
        config.uris = vec![Uri::new(secret.to_str().unwrap())];
    });
    let failure = machine.failed();
    assert!(failure.message.contains("Permission denied"), "{}", failure.message);
}

fn open_to_all(dir: &Path) {
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}
