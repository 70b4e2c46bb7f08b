//! A supervisor from outside: started as an agent starts it, watched through its channel, its socket, its files.

mod common;

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use agent_launch::isolation::Place;
use agent_launch::nursery::{BirthError, Nursery};
use agent_launch::runtime_files::{CONTROL, LOCK};
use agent_launch::{Identity, LaunchSpec, Outcome, PROTOCOL, Report, Request, StatusRecord};
use agent_linux::lock::Lock;
use agent_linux::packet::{Packets, wait_readable};
use agent_linux::process::{ProcessId, Table};
use agent_linux::program::{Program, Started};
use common::{begin, supervise};
use libprocess_wire as wire;

struct Container {
    dir: tempfile::TempDir,
    started: Started,
    channel: Option<Packets>,
}

/// Starts a supervisor for a shell line; its output goes to `out` in the container's directory.
fn start(line: &str) -> Container {
    start_program("/bin/sh", &["sh", "-c", line])
}

fn start_program(program: &str, argv: &[&str]) -> Container {
    let dir = tempfile::tempdir().unwrap();
    let (started, channel) = supervise(dir.path(), &spec(dir.path(), program, argv));
    Container { dir, started, channel: Some(channel) }
}

fn spec(dir: &Path, program: &str, argv: &[&str]) -> LaunchSpec {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    LaunchSpec {
        container: "c1".into(),
        runtime_dir: path(""),
        program: program.into(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        environment: vec![("GREETING".into(), "hello".into()), ("PATH".into(), "/usr/bin:/bin".into())],
        working_dir: path(""),
        credentials: None,
        stdout: Place::Trusted(path("out")),
        stderr: Place::Trusted(path("out")),
        stdio: None,
        isolation: agent_launch::Isolation::default(),
    }
}

fn hear(channel: &Packets) -> Report {
    wait_readable(&[channel.as_fd()], None).unwrap();
    wire::decode(&channel.receive().unwrap()).unwrap()
}

impl Container {
    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn channel(&self) -> &Packets {
        self.channel.as_ref().unwrap()
    }

    fn hear(&self) -> Report {
        hear(self.channel())
    }

    fn say(&self, request: &Request) {
        self.channel().send(&wire::encode(request)).unwrap();
    }

    fn held(&self) -> Identity {
        match self.hear() {
            Report::Held(identity) => identity,
            other => panic!("expected Held, heard {other:?}"),
        }
    }

    fn go(&self) -> Identity {
        let identity = self.held();
        self.say(&Request::Go);
        assert_eq!(self.hear(), Report::Running);
        identity
    }

    fn ended(&self) -> StatusRecord {
        match self.hear() {
            Report::Ended(record) => record,
            other => panic!("expected Ended, heard {other:?}"),
        }
    }

    fn wait(&self) -> i32 {
        wait_readable(&[self.started.pidfd.as_fd()], None).unwrap();
        self.started.pidfd.reap().unwrap().unwrap()
    }
}

#[test]
fn a_task_runs_after_the_gate_and_its_exit_is_told_and_left_behind() {
    let mut container = start("echo $GREETING from $PWD; exit 37");
    let identity = container.held();
    assert!(!container.path().join("out").exists());
    assert_eq!(identity.supervisor, container.started.pid);
    assert!(Lock::is_held(&container.path().join(LOCK)).unwrap());

    container.say(&Request::Go);
    assert_eq!(container.hear(), Report::Running);
    let record = container.ended();
    assert_eq!(record.outcome, Outcome::Exited { status: 37 << 8, destroyed: false });
    assert!(record.peak_bytes > 0);

    // Nobody says that it is written down elsewhere.
    container.channel = None;
    assert_eq!(container.wait(), 0);
    assert_eq!(StatusRecord::read(container.path()).unwrap(), Some(record));
    assert!(!Lock::is_held(&container.path().join(LOCK)).unwrap());
    let said = fs::read_to_string(container.path().join("out")).unwrap();
    assert_eq!(said, format!("hello from {}\n", container.path().display()));
}

#[test]
fn an_end_that_is_written_down_elsewhere_leaves_no_record() {
    let container = start("exit 3");
    container.go();
    container.ended();
    // What crosses the end on its way is no answer to it.
    container.say(&Request::Signal(15));
    container.say(&Request::Forget);
    assert_eq!(container.wait(), 0);
    assert!(StatusRecord::read(container.path()).unwrap().is_none());
}

#[test]
fn an_agent_that_goes_before_the_gate_takes_the_launch_with_it() {
    let mut container = start("echo never");
    container.held();
    container.channel = None;
    container.wait();
    let record = StatusRecord::read(container.path()).unwrap().unwrap();
    assert!(matches!(record.outcome, Outcome::NotStarted { .. }));
    assert!(!container.path().join("out").exists());
}

#[test]
fn a_program_that_does_not_exist_is_not_started() {
    let container = start_program("no-such-program-here", &["no-such-program-here"]);
    container.held();
    container.say(&Request::Go);
    let Outcome::NotStarted { message } = container.ended().outcome else { panic!("it started") };
    assert_eq!(message, "failed to execute 'no-such-program-here': No such file or directory (os error 2)");
}

#[test]
fn a_task_that_cannot_enter_its_group_does_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut spec = spec(dir.path(), "/bin/true", &["true"]);
    let file = dir.path().join("no/cgroup.procs").display().to_string();
    spec.isolation.cgroups = vec![file.clone()];
    let (started, channel) = supervise(dir.path(), &spec);
    let container = Container { dir, started, channel: Some(channel) };
    container.held();
    let Outcome::NotStarted { message } = container.ended().outcome else { panic!("it started") };
    assert!(message.starts_with(&format!("failed to put the task into {file}: ")), "{message}");
}

#[test]
fn a_nursery_that_has_ended_is_known_by_that_and_its_supervisors_are_not_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::seal(c"true", &fs::read("/bin/true").unwrap(), dir.path()).unwrap();
    let nursery = Nursery::begin(&program).unwrap();
    let (read, write) = std::io::pipe().unwrap();
    let bear = || nursery.bear(&[read.as_fd(), read.as_fd(), write.as_fd()], None);
    while !matches!(bear(), Err(BirthError::Ended)) {
        std::thread::yield_now();
    }
    // Every other test here lets go of the nursery as soon as its supervisor is born.
    let container = start("exit 3");
    container.go();
    assert_eq!(container.ended().outcome, Outcome::Exited { status: 3 << 8, destroyed: false });
}

#[test]
fn a_task_outlives_its_agent_and_a_later_one_finds_it() {
    let mut container = start("read line < fifo; exit 5");
    nix_fifo(&container.path().join("fifo"));
    let identity = container.go();
    container.channel = None;

    let later = Packets::connect(container.path(), CONTROL).unwrap();
    later.send(&wire::encode(&Request::Hello { protocol: PROTOCOL })).unwrap();
    let Report::Welcome(welcome) = hear(&later) else { panic!("not welcome") };
    assert_eq!((welcome.container.as_str(), &welcome.identity, welcome.running), ("c1", &identity, true));

    fs::write(container.path().join("fifo"), "now\n").unwrap();
    let Report::Ended(record) = hear(&later) else { panic!("no end") };
    assert_eq!(record.outcome, Outcome::Exited { status: 5 << 8, destroyed: false });
}

#[test]
fn nothing_of_a_container_survives_its_first_process() {
    // One child leaves the session, ignores what can be ignored, and is an orphan by the time the task ends.
    let container =
        start("(trap '' TERM HUP INT; setsid sleep 300 & setsid sleep 300 &) ; echo ready; exit 0");
    container.go();
    let record = container.ended();
    assert_eq!(record.outcome, Outcome::Exited { status: 0, destroyed: false });
    let supervisor = ProcessId::of(container.started.pid);
    if let Ok(supervisor) = supervisor {
        assert_eq!(Table::read().unwrap().descendants(supervisor.pid).len(), 0);
    }
    container.say(&Request::Forget);
    container.wait();
}

#[test]
fn destroying_ends_the_whole_tree_at_once() {
    let container = start("sleep 300 & setsid sh -c 'sleep 300 & sleep 300' & wait");
    let identity = container.go();
    let root = container.started.pid;
    while Table::read().unwrap().descendants(root).len() < 5 {
        std::thread::yield_now();
    }
    let before: Vec<ProcessId> = Table::read()
        .unwrap()
        .descendants(root)
        .iter()
        .map(|stat| ProcessId { pid: stat.pid, started: stat.started })
        .collect();

    container.say(&Request::Destroy);
    let record = container.ended();
    assert_eq!(record.outcome, Outcome::Exited { status: 9, destroyed: true });
    assert_eq!(before.iter().filter(|id| id.open().is_ok()).count(), 0);
    assert!(before.iter().any(|id| id.pid == identity.task));
}

#[test]
fn orphans_that_end_meanwhile_leave_no_zombies() {
    let container =
        start("for i in 1 2 3 4 5; do (sh -c 'exit 0' &); done; sleep 0.2; echo ready; sleep 300");
    container.go();
    while fs::read_to_string(container.path().join("out")).unwrap_or_default().is_empty() {
        std::thread::yield_now();
    }
    let table = Table::read().unwrap();
    let zombies = table.descendants(container.started.pid).iter().filter(|stat| stat.state == 'Z').count();
    assert_eq!(zombies, 0);
    container.say(&Request::Destroy);
    container.ended();
}

#[test]
fn a_task_holds_no_descriptor_but_its_three_and_none_of_our_signals() {
    let container = start("ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status | cut -f 2");
    container.go();
    container.ended();
    let said = fs::read_to_string(container.path().join("out")).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    // `ls` itself holds the directory it lists.
    assert_eq!(lines[0], "4");
    for mask in &lines[1..] {
        // The C library keeps 32 and 33 for itself, and hands on what it found.
        assert_eq!(u64::from_str_radix(mask, 16).unwrap() & !0x1_8000_0000, 0, "{said}");
    }
}

#[test]
fn an_unreadable_description_is_told_not_guessed() {
    let dir = tempfile::tempdir().unwrap();
    let (started, channel, told) = begin(dir.path());
    drop(told);
    let Report::Ended(record) = hear(&channel) else { panic!("no end") };
    assert!(matches!(record.outcome, Outcome::NotStarted { .. }));
    wait_readable(&[started.pidfd.as_fd()], None).unwrap();
    assert_eq!(started.pidfd.reap().unwrap(), Some(1 << 8));
}

#[test]
fn a_task_becomes_the_user_it_was_given() {
    if agent_linux::user::effective() != 0 {
        assert!(
            std::env::var_os("CI").is_none(),
            "this must run in CI, which needs root and a user `nobody`"
        );
        eprintln!("skipped: only root may become somebody else");
        return;
    }
    let container = start_as_nobody();
    container.go();
    container.ended();
    let said = fs::read_to_string(container.path().join("out")).unwrap();
    assert_eq!(said, "65534 65534 65534\n");
}

fn start_as_nobody() -> Container {
    use std::os::unix::fs::{PermissionsExt, chown};
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let box_dir = dir.path().join("sandbox");
    fs::create_dir(&box_dir).unwrap();
    chown(&box_dir, Some(65534), Some(65534)).unwrap();
    let path = |name: &str| box_dir.join(name).to_str().unwrap().to_owned();
    let spec = LaunchSpec {
        container: "c2".into(),
        runtime_dir: dir.path().to_str().unwrap().to_owned(),
        program: "sh".into(),
        argv: ["sh", "-c", "echo $(id -u) $(id -g) $(id -G) > ../sandbox/result; cat result"]
            .map(str::to_owned)
            .to_vec(),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        working_dir: path(""),
        credentials: Some(agent_launch::Credentials { uid: 65534, gid: 65534, groups: vec![65534] }),
        stdout: Place::Trusted(path("out")),
        stderr: Place::Trusted(path("out")),
        stdio: None,
        isolation: agent_launch::Isolation::default(),
    };
    let (started, channel) = supervise(dir.path(), &spec);
    // Read where the task wrote.
    let container = Container { dir, started, channel: Some(channel) };
    std::os::unix::fs::symlink("sandbox/out", container.path().join("out")).unwrap();
    container
}

fn nix_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}
