//! One container, from its gate to its record: one plain thread that waits for whatever comes first.
//!
//! | state   | on                               | then                                        |
//! |---------|----------------------------------|---------------------------------------------|
//! | at gate | `Go`                             | the task execs: `Running`                   |
//! | at gate | channel closed, `Destroy`        | the task ends without having run            |
//! | running | channel closed                   | nothing: a later agent comes by `control`   |
//! | running | `Destroy`                        | the task is killed                          |
//! | any     | the task ended                   | what it left is killed; `Ended` is told     |
//! | ended   | `Forget`                         | gone                                        |
//! | ended   | channel closed, or no answer     | record; gone                                |
//!
//! Where it keeps the task's input and output, others attach to them by `control`; whoever still reads when the task has
//! ended is given the rest first.

mod ending;

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use agent_launch::isolation::Namespace;
use agent_launch::runtime_files::CONTROL;
use agent_launch::sealed::{LONGEST, Sealed};
use agent_launch::{Identity, LaunchSpec, Outcome, PROTOCOL, Report, Request, StatusRecord, Welcome};
use agent_linux::cgroup::Tree;
use agent_linux::child::{self, ChildEnds, Side, Spent, Waited};
use agent_linux::packet::{Listener, Packets};
use agent_linux::pidfd::Pidfd;
use agent_linux::poll::{self, Watched};
use agent_linux::process::{self, ProcessId};
use agent_linux::user;
use libprocess_wire as wire;

use crate::isolate::Inside;
use crate::peers::{Peers, now};
use crate::stdio::{self, Kept, Theirs};
use crate::{isolate, task};

/// Runs one container to its end, in a process of its own that holds the lock, the description to come and the channel to the
/// agent. `entered`: it is in the group of supervisors.
pub(crate) fn run([lock, spec, channel]: [OwnedFd; 3], entered: bool) -> ExitCode {
    let channel = Packets::from_owned(channel);
    match begin(lock, spec, entered) {
        Err(message) => {
            let record = record_of(Outcome::NotStarted { message }, now_millis(), String::new());
            // An agent that is gone finds a free lock and no record, which says the same.
            let _ = channel.send(&wire::encode(&Report::Ended(record)));
            ExitCode::from(1)
        }
        Ok(Begun::Supervisor(supervisor)) => supervisor.serve(channel),
        Ok(Begun::Task { spec, gate, report, stdio, inside }) => {
            drop(channel);
            task::run(&spec, gate, report, stdio, inside)
        }
    }
}

/// What splitting made of this process.
enum Begun {
    Supervisor(Box<Supervisor>),
    Task {
        spec: Box<LaunchSpec>,
        gate: PipeReader,
        report: PipeWriter,
        stdio: Option<Theirs>,
        inside: Inside,
    },
}

struct Supervisor {
    spec: LaunchSpec,
    dir: PathBuf,
    /// Held for as long as this process lives.
    _lock: OwnedFd,
    listener: Listener,
    ends: ChildEnds,
    identity: Identity,
    task: Pidfd,
    /// Where the first process of a pid namespace says how the task ended.
    ending: Option<PipeReader>,
    /// The group that is the container's own.
    tree: Option<Tree>,
    stage: Stage,
    /// Its input and output, if they pass through here.
    kept: Option<Kept>,
    destroyed: bool,
    started_millis: u64,
}

/// How far the task has come.
enum Stage {
    AtGate {
        gate: PipeWriter,
        report: PipeReader,
    },
    /// Told to go; its report is empty if the exec succeeds.
    Leaving {
        report: PipeReader,
    },
    Running,
    Failed {
        message: String,
    },
}

fn begin(lock: OwnedFd, spec: OwnedFd, entered: bool) -> Result<Begun, String> {
    let failed = |what: &str, error: io::Error| format!("failed to {what}: {error}");
    let mut bytes = Vec::new();
    PipeReader::from(spec)
        .take(LONGEST as u64)
        .read_to_end(&mut bytes)
        .map_err(|e| failed("read the launch description", e))?;
    let spec = LaunchSpec::open(&bytes).map_err(|e| format!("failed to read the launch description: {e}"))?;
    let dir = PathBuf::from(&spec.runtime_dir);

    child::lead_session().map_err(|e| failed("begin a session", e))?;
    child::adopt_orphans().map_err(|e| failed("adopt orphans", e))?;
    let ends = ChildEnds::new().map_err(|e| failed("watch for ended children", e))?;
    let listener = Listener::bind(&dir, CONTROL).map_err(|e| failed("open the control socket", e))?;
    let (gate_read, gate) = io::pipe().map_err(|e| failed("make the gate", e))?;
    let (report, report_write) = io::pipe().map_err(|e| failed("make the gate", e))?;
    let (kept, theirs) = match &spec.stdio {
        None => (None, None),
        Some(how) => {
            let (kept, theirs) =
                stdio::open(&spec, how).map_err(|e| failed("make the task's input and output", e))?;
            (Some(kept), Some(theirs))
        }
    };

    let (ending, ending_write) = match spec.isolation.has(Namespace::Pid) {
        false => (None, None),
        true => {
            let (read, write) = io::pipe().map_err(|e| failed("make the gate", e))?;
            (Some(read), Some(write))
        }
    };

    if !entered {
        isolate::leave_agent(&spec.isolation)?;
    }
    let around = isolate::open_around(&spec.isolation)?;
    let (side, groups) =
        isolate::split(&spec.isolation).map_err(|e| failed("start the task's process", e))?;
    match side {
        Side::Child => {
            // The child must not hold the lock: a copy that lives on would fake a supervisor.
            drop((lock, listener, ends, gate, report, kept, ending));
            Ok(Begun::Task {
                spec: Box::new(spec),
                gate: gate_read,
                report: report_write,
                stdio: theirs,
                inside: Inside { groups, ending: ending_write, around },
            })
        }
        Side::Parent { pid, pidfd } => {
            // Should this fail, the gate closes and the child ends.
            let identity = identify(pid).map_err(|e| failed("identify the task's process", e))?;
            let tree = isolate::tree(&spec.isolation);
            Ok(Begun::Supervisor(Box::new(Supervisor {
                tree,
                ending,
                spec,
                dir,
                _lock: lock,
                listener,
                ends,
                identity,
                task: pidfd,
                stage: Stage::AtGate { gate, report },
                kept,
                destroyed: false,
                started_millis: now_millis(),
            })))
        }
    }
}

fn identify(task: u32) -> io::Result<Identity> {
    let me = ProcessId::of(std::process::id())?;
    let task = ProcessId::of(task)?;
    Ok(Identity {
        boot_id: process::boot_id()?,
        supervisor: me.pid,
        supervisor_started: me.started,
        task: task.pid,
        task_started: task.started,
    })
}

impl Supervisor {
    fn serve(mut self, channel: Packets) -> ExitCode {
        let mut peers = Peers::new(channel);
        peers.tell(&Report::Held(self.identity.clone()));
        loop {
            let Ok(ready) = self.wait(&peers) else {
                // Polling own descriptors fails only for want of memory: nothing better than to look again.
                continue;
            };
            if ready.report {
                self.read_report(&mut peers);
            }
            if ready.ends {
                self.ends.drain();
                if let Some(status) = self.collect() {
                    return self.finish(status, &mut peers);
                }
            }
            self.pass_on(&ready, &mut peers);
            self.hear_all(&ready, &mut peers);
            if ready.listener {
                self.welcome(&mut peers);
            }
            if peers.len() == 0 && matches!(self.stage, Stage::AtGate { .. }) {
                // The agent that wanted it is gone before it meant it: the gate closes, the task ends.
                self.stage = Stage::Failed { message: "the agent stopped before the task was let go".into() };
                let _ = self.task.signal(libc::SIGKILL);
            }
            let abandoned = self.kept.as_ref().is_some_and(|kept| kept.is_abandoned(&peers));
            if abandoned && !self.destroyed && matches!(self.stage, Stage::Running | Stage::Leaving { .. }) {
                self.destroyed = true;
                let _ = self.task.signal(libc::SIGKILL);
            }
        }
    }

    /// Waits until there is something to do.
    fn wait(&self, peers: &Peers) -> io::Result<Ready> {
        let mut watched = vec![Watched::reading(self.ends.as_fd()), Watched::reading(self.listener.as_fd())];
        let input = self.kept.as_ref().is_none_or(Kept::takes_input);
        for index in 0..peers.len() {
            let read = input || !peers.writes_input(index);
            watched.push(Watched { fd: peers.fd(index), read, write: peers.waits(index) });
        }
        let report = match &self.stage {
            Stage::Leaving { report } => Some(watched.len()).inspect(|_| {
                watched.push(Watched::reading(report.as_fd()));
            }),
            _ => None,
        };
        let first_output = watched.len();
        if let Some(kept) = &self.kept {
            let read = kept.takes_output(peers);
            watched.extend(kept.outputs().map(|fd| Watched { fd, read, write: false }));
        }
        let room = self.kept.as_ref().and_then(Kept::wants_room).map(|fd| {
            watched.push(Watched { fd, read: false, write: true });
            watched.len() - 1
        });
        let ready = poll::wait(&watched, peers.until_stuck(now()))?;
        let end = room.unwrap_or(ready.len());
        Ok(Ready {
            ends: ready[0].read,
            listener: ready[1].read,
            peers: ready[2..2 + peers.len()].to_vec(),
            report: report.is_some_and(|index| ready[index].read),
            outputs: ready[first_output..end].iter().map(|one| one.read).collect(),
            room: room.is_some_and(|index| ready[index].write),
        })
    }

    /// Carries output and input on, as far as somebody takes it.
    fn pass_on(&mut self, ready: &Ready, peers: &mut Peers) {
        for (index, ready) in ready.peers.iter().enumerate() {
            if ready.write {
                peers.flush(index);
            }
        }
        if let Some(kept) = &mut self.kept {
            kept.read(&ready.outputs, peers);
            if ready.room {
                kept.write();
            }
        }
    }

    /// Takes what all say who have something to say; then lets go of those who are gone or take nothing.
    fn hear_all(&mut self, ready: &Ready, peers: &mut Peers) {
        for (index, ready) in ready.peers.iter().enumerate().rev() {
            // Whoever typed may come back, or somebody else: the input ends when one of them says so.
            if ready.read && !self.hear(index, peers) {
                peers.remove(index);
            }
        }
        peers.drop_stuck(now());
    }

    /// Learns whether the exec succeeded.
    fn read_report(&mut self, peers: &mut Peers) {
        let Stage::Leaving { report } = &mut self.stage else { return };
        let mut message = String::new();
        let read = report.take(4096).read_to_string(&mut message);
        self.stage = match read {
            Ok(0) => Stage::Running,
            Ok(_) => Stage::Failed { message },
            Err(error) => {
                Stage::Failed { message: format!("failed to learn whether the program runs: {error}") }
            }
        };
        if matches!(self.stage, Stage::Running) {
            peers.tell(&Report::Running);
        }
    }

    /// Waits for all who ended, adopted ones too; the raw wait status if the task was among them.
    fn collect(&self) -> Option<i32> {
        let mut status = None;
        while let Ok(Waited::Ended(ended)) = child::wait_any(false) {
            if ended.pid == self.identity.task {
                status = Some(ended.status);
            }
        }
        status
    }

    /// Takes what one peer says; false if it is gone.
    fn hear(&mut self, index: usize, peers: &mut Peers) -> bool {
        // Whoever types faster than the task reads is heard again when there is room.
        while self.kept.as_ref().is_none_or(Kept::takes_input) || !peers.writes_input(index) {
            let message = match peers.receive(index) {
                Ok(message) if message.is_empty() => return false,
                Ok(message) => message,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            };
            let answer = match wire::decode::<Request>(&message) {
                Ok(Request::Attach { input, output }) => {
                    self.attach(index, input, output, peers);
                    None
                }
                Ok(request) => self.obey(request),
                Err(_) => Some(Report::Refused("the request is not understood".into())),
            };
            if let Some(answer) = answer {
                peers.answer(index, &answer);
            }
        }
        true
    }

    /// Makes a connection one that reads or writes what the task writes and reads.
    fn attach(&mut self, index: usize, input: bool, output: bool, peers: &mut Peers) {
        let Some(kept) = &mut self.kept else {
            let why = "its input and output are not kept: it has neither a terminal nor a session";
            return peers.answer(index, &Report::Refused(why.into()));
        };
        if input && !kept.has_input() {
            return peers.answer(index, &Report::Refused("it has no input".into()));
        }
        if input && peers.has_writer() {
            return peers.answer(index, &Report::Busy);
        }
        peers.answer(index, &Report::Attached);
        peers.attach(index, input, output);
        if output {
            kept.attached(peers);
        }
    }

    fn obey(&mut self, request: Request) -> Option<Report> {
        match request {
            Request::Hello { .. } => Some(Report::Welcome(Welcome {
                protocol: PROTOCOL,
                container: self.spec.container.clone(),
                identity: self.identity.clone(),
                running: matches!(self.stage, Stage::Running | Stage::Leaving { .. }),
            })),
            Request::Go => match std::mem::replace(&mut self.stage, Stage::Running) {
                Stage::AtGate { mut gate, report } => {
                    if let Some(kept) = &mut self.kept {
                        kept.begin();
                    }
                    // A task that is gone already is noticed by its end.
                    let _ = gate.write_all(b"g");
                    self.started_millis = now_millis();
                    self.stage = Stage::Leaving { report };
                    None
                }
                other => {
                    self.stage = other;
                    Some(Report::Refused("the task has left the gate already".into()))
                }
            },
            Request::Forget => Some(Report::Refused("the container has not ended".into())),
            Request::Signal(signal) => match self.task.signal(signal) {
                Ok(()) => None,
                Err(error) => Some(Report::Refused(format!("failed to send signal {signal}: {error}"))),
            },
            Request::Attach { .. } => None,
            Request::Input(data) => {
                if let Some(kept) = &mut self.kept {
                    kept.type_in(&data);
                }
                None
            }
            Request::InputEnds => {
                self.kept.as_mut().map(Kept::end_input);
                None
            }
            Request::Resize(window) => self.kept.as_ref()?.resize(window).err().map(Report::Refused),
            Request::Destroy => {
                self.destroyed = true;
                // In a group all go at once, frozen or not. What the task leaves behind is killed when its own end is seen.
                if let Some(tree) = &self.tree {
                    let _ = tree.kill();
                }
                // It may have been taken out of its group, or the group away.
                match self.task.signal(libc::SIGKILL) {
                    Ok(()) => None,
                    Err(error) => Some(Report::Refused(format!("failed to kill the task: {error}"))),
                }
            }
        }
    }

    fn welcome(&self, peers: &mut Peers) {
        while let Ok(peer) = self.listener.accept() {
            let trusted = peer.peer().is_ok_and(|who| who.uid == user::effective() || who.uid == 0);
            if trusted {
                peers.join(peer);
            }
        }
    }
}

struct Ready {
    ends: bool,
    listener: bool,
    peers: Vec<poll::Ready>,
    report: bool,
    outputs: Vec<bool>,
    room: bool,
}

fn record_of(outcome: Outcome, started_millis: u64, boot_id: String) -> StatusRecord {
    let [_, children] = Spent::so_far();
    StatusRecord {
        outcome,
        user_micros: children.user_micros,
        system_micros: children.system_micros,
        peak_bytes: children.peak_bytes,
        started_millis,
        ended_millis: now_millis(),
        boot_id,
    }
}

fn now_millis() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a supervisor is real by nature; no simulation runs it")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
