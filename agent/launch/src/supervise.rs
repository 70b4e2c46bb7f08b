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

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agent_launch::runtime_files::{CONTROL, descriptors};
use agent_launch::sealed::{LONGEST, Sealed};
use agent_launch::{Identity, LaunchSpec, Outcome, PROTOCOL, Report, Request, StatusRecord, Welcome};
use agent_linux::child::{self, ChildEnds, Side, Spent, Waited};
use agent_linux::packet::{Listener, Packets, wait_readable};
use agent_linux::pidfd::Pidfd;
use agent_linux::process::{self, ProcessId};
use agent_linux::user;
use libprocess_wire as wire;

use crate::task;

/// How many agents may be connected at once: the one that is, and those that were and are not yet seen to be gone.
const PEERS: usize = 8;

/// How long an agent may take to write an end down, before the record is left for whoever comes.
const NOTED: Duration = Duration::from_secs(5);

/// Runs one container to its end.
pub(crate) fn run() -> ExitCode {
    let started = [descriptors::LOCK, descriptors::SPEC, descriptors::CHANNEL].map(child::inherited);
    let [Some(lock), Some(spec), Some(channel)] = started else { return ExitCode::from(64) };
    let channel = Packets::from_owned(channel);
    let supervisor = match begin(lock, spec) {
        Ok(begun) => begun,
        Err(message) => {
            let record = record_of(Outcome::NotStarted { message }, now_millis(), String::new());
            // An agent that is gone finds a free lock and no record, which says the same.
            let _ = channel.send(&wire::encode(&Report::Ended(record)));
            return ExitCode::from(1);
        }
    };
    match supervisor {
        Begun::Supervisor(supervisor) => supervisor.serve(channel),
        Begun::Task { spec, gate, report } => {
            drop(channel);
            task::run(&spec, gate, report)
        }
    }
}

/// What splitting made of this process.
enum Begun {
    Supervisor(Box<Supervisor>),
    Task { spec: Box<LaunchSpec>, gate: PipeReader, report: PipeWriter },
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
    stage: Stage,
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

/// Who talks to us. The first is the channel we were started with.
struct Peers(Vec<Packets>);

fn begin(lock: OwnedFd, spec: OwnedFd) -> Result<Begun, String> {
    let failed = |what: &str, error: io::Error| format!("failed to {what}: {error}");
    child::close_from(descriptors::CHANNEL as u32 + 1).map_err(|e| failed("close descriptors", e))?;
    let mut bytes = Vec::new();
    PipeReader::from(spec)
        .take(LONGEST as u64)
        .read_to_end(&mut bytes)
        .map_err(|e| failed("read the launch description", e))?;
    let spec = LaunchSpec::open(&bytes).map_err(|e| format!("failed to read the launch description: {e}"))?;
    let dir = PathBuf::from(&spec.runtime_dir);

    child::set_name(c"hectare-launch").map_err(|e| failed("take a name", e))?;
    child::hide().map_err(|e| failed("hide the supervisor", e))?;
    child::adopt_orphans().map_err(|e| failed("adopt orphans", e))?;
    let ends = ChildEnds::new().map_err(|e| failed("watch for ended children", e))?;
    let listener = Listener::bind(&dir, CONTROL).map_err(|e| failed("open the control socket", e))?;
    let (gate_read, gate) = io::pipe().map_err(|e| failed("make the gate", e))?;
    let (report, report_write) = io::pipe().map_err(|e| failed("make the gate", e))?;

    match child::split().map_err(|e| failed("start the task's process", e))? {
        Side::Child => {
            // The child must not hold the lock: a copy that lives on would fake a supervisor.
            drop((lock, listener, ends, gate, report));
            Ok(Begun::Task { spec: Box::new(spec), gate: gate_read, report: report_write })
        }
        Side::Parent { pid, pidfd } => {
            let identity = identify(pid).map_err(|e| failed("identify the task's process", e))?;
            Ok(Begun::Supervisor(Box::new(Supervisor {
                spec,
                dir,
                _lock: lock,
                listener,
                ends,
                identity,
                task: pidfd,
                stage: Stage::AtGate { gate, report },
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
        let mut peers = Peers(vec![channel]);
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
            let mut gone = Vec::new();
            for index in ready.peers {
                if !self.hear(index, &mut peers) {
                    gone.push(index);
                }
            }
            for index in gone.into_iter().rev() {
                peers.0.remove(index);
            }
            if peers.0.is_empty() && matches!(self.stage, Stage::AtGate { .. }) {
                // The agent that wanted it is gone before it meant it: the gate closes, the task ends.
                self.stage = Stage::Failed { message: "the agent stopped before the task was let go".into() };
                let _ = self.task.signal(libc::SIGKILL);
            }
            if ready.listener {
                self.welcome(&mut peers);
            }
        }
    }

    fn wait(&self, peers: &Peers) -> io::Result<Ready> {
        let mut watched: Vec<BorrowedFd<'_>> = vec![self.ends.as_fd(), self.listener.as_fd()];
        watched.extend(peers.0.iter().map(AsFd::as_fd));
        if let Stage::Leaving { report } = &self.stage {
            watched.push(report.as_fd());
        }
        let ready = wait_readable(&watched, None)?;
        let after_peers = 2 + peers.0.len();
        Ok(Ready {
            ends: ready[0],
            listener: ready[1],
            peers: (0..peers.0.len()).filter(|index| ready[2 + index]).collect(),
            report: ready.get(after_peers).copied().unwrap_or(false),
        })
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
        loop {
            let message = match peers.0[index].receive() {
                Ok(message) if message.is_empty() => return false,
                Ok(message) => message,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            };
            let answer = match wire::decode::<Request>(&message) {
                Ok(request) => self.obey(request),
                Err(_) => Some(Report::Refused("the request is not understood".into())),
            };
            if let Some(answer) = answer {
                // Who does not read their answers does not get them.
                let _ = peers.0[index].send(&wire::encode(&answer));
            }
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
            Request::Destroy => {
                self.destroyed = true;
                // What the task leaves behind is killed when its own end is seen.
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
                if peers.0.len() >= PEERS {
                    peers.0.remove(0);
                }
                peers.0.push(peer);
            }
        }
    }

    /// Ends what is left of the container, tells, writes the record, goes.
    fn finish(mut self, status: i32, peers: &mut Peers) -> ExitCode {
        self.read_report(peers);
        end_all();
        let outcome = match self.stage {
            Stage::Running | Stage::Leaving { .. } => Outcome::Exited { status, destroyed: self.destroyed },
            Stage::Failed { message } => Outcome::NotStarted { message },
            Stage::AtGate { .. } => {
                Outcome::NotStarted { message: "the task was killed before it was let go".into() }
            }
        };
        let record = record_of(outcome, self.started_millis, self.identity.boot_id);
        // Told first: the agent writes it to a journal of its own, many in one flush, and the file with its two flushes is
        // for when there is no agent.
        peers.tell(&Report::Ended(record.clone()));
        if peers.let_us_go() {
            return ExitCode::SUCCESS;
        }
        match record.write(&self.dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(74),
        }
    }
}

/// Kills and waits for everything below, until there is nothing.
fn end_all() {
    let mut deep = false;
    loop {
        match child::wait_any(false) {
            Ok(Waited::Ended(_)) => continue,
            Ok(Waited::Busy) => {}
            Ok(Waited::Alone) | Err(_) => return,
        }
        if child::kill_children(deep).is_err() {
            return;
        }
        // Whoever survives the first round has forked meanwhile: from then on the whole tree is looked at.
        deep = true;
        let _ = child::wait_any(true);
    }
}

impl Peers {
    /// Tells all; who does not read or is gone finds the record.
    fn tell(&mut self, report: &Report) {
        let message = wire::encode(report);
        for peer in &self.0 {
            let _ = peer.send(&message);
        }
    }
}

impl Peers {
    /// Whether one of them says that nothing needs to be left behind.
    fn let_us_go(&mut self) -> bool {
        while !self.0.is_empty() {
            let watched: Vec<BorrowedFd<'_>> = self.0.iter().map(AsFd::as_fd).collect();
            let Ok(ready) = wait_readable(&watched, Some(NOTED)) else { return false };
            if !ready.contains(&true) {
                return false;
            }
            let mut forget = false;
            let mut ready = ready.into_iter();
            // Other requests crossed the end on their way, and mean nothing any more.
            self.0.retain(|peer| {
                !ready.next().unwrap_or(false)
                    || peer.receive().is_ok_and(|message| {
                        forget |= matches!(wire::decode(&message), Ok(Request::Forget));
                        !message.is_empty()
                    })
            });
            if forget {
                return true;
            }
        }
        false
    }
}

struct Ready {
    ends: bool,
    listener: bool,
    peers: Vec<usize>,
    report: bool,
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
