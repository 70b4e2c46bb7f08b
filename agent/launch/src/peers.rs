//! Who talks to a supervisor: agents, which are told what happens, and those who are attached, who read and write what
//! the task writes and reads.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use agent_launch::Report;
use agent_linux::packet::Packets;
use libprocess_wire as wire;

/// How many may be connected at once: agents that were and are not yet seen to be gone, and those who are attached.
const MOST: usize = 32;

/// How much may wait for one who is attached before the task has to wait too. Unit: bytes.
const QUEUE_MAX: usize = 256 * 1024;

/// For how long the task waits for one who takes nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection.
pub(crate) struct Peer {
    packets: Packets,
    role: Role,
}

/// What it is for.
enum Role {
    /// Is told what happens.
    Agent,
    Attached(Attached),
}

struct Attached {
    input: bool,
    output: bool,
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    /// Since when it has taken nothing of what waits.
    stuck: Option<Instant>,
}

/// All of them. The first is the channel the supervisor was started with.
pub(crate) struct Peers(Vec<Peer>);

impl Peers {
    pub(crate) fn new(channel: Packets) -> Self {
        Self(vec![Peer { packets: channel, role: Role::Agent }])
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn fd(&self, index: usize) -> BorrowedFd<'_> {
        self.0[index].packets.as_fd()
    }

    /// Takes one more in; for that one of too many who are attached goes, but no agent.
    pub(crate) fn join(&mut self, packets: Packets) {
        if self.0.len() >= MOST {
            let attached = self.0.iter().position(|peer| matches!(peer.role, Role::Attached(_)));
            let Some(oldest) = attached else { return };
            self.0.remove(oldest);
        }
        self.0.push(Peer { packets, role: Role::Agent });
    }

    pub(crate) fn remove(&mut self, index: usize) {
        self.0.remove(index);
    }

    /// What one says next.
    pub(crate) fn receive(&self, index: usize) -> io::Result<Vec<u8>> {
        self.0[index].packets.receive()
    }

    /// Answers one. Who does not read their answers does not get them.
    pub(crate) fn answer(&self, index: usize, report: &Report) {
        let _ = self.0[index].packets.send(&wire::encode(report));
    }

    /// Tells all agents; who does not read or is gone finds the record.
    pub(crate) fn tell(&self, report: &Report) {
        let message = wire::encode(report);
        for peer in self.0.iter().filter(|peer| matches!(peer.role, Role::Agent)) {
            let _ = peer.packets.send(&message);
        }
    }

    /// Whether there is an agent.
    pub(crate) fn has_agent(&self) -> bool {
        self.0.iter().any(|peer| matches!(peer.role, Role::Agent))
    }

    pub(crate) fn is_agent(&self, index: usize) -> bool {
        matches!(self.0[index].role, Role::Agent)
    }

    /// Whether somebody reads the output.
    pub(crate) fn has_reader(&self) -> bool {
        self.attached().any(|attached| attached.output)
    }

    /// Whether somebody writes the input.
    pub(crate) fn has_writer(&self) -> bool {
        self.attached().any(|attached| attached.input)
    }

    pub(crate) fn writes_input(&self, index: usize) -> bool {
        matches!(&self.0[index].role, Role::Attached(attached) if attached.input)
    }

    fn attached(&self) -> impl Iterator<Item = &Attached> {
        self.0.iter().filter_map(|peer| match &peer.role {
            Role::Attached(attached) => Some(attached),
            Role::Agent => None,
        })
    }

    /// Makes an agent's connection one that is attached.
    pub(crate) fn attach(&mut self, index: usize, input: bool, output: bool) {
        let attached = Attached { input, output, queue: VecDeque::new(), queued: 0, stuck: None };
        self.0[index].role = Role::Attached(attached);
    }

    /// Hands output to all who read it.
    pub(crate) fn output(&mut self, report: &Report) {
        let message = wire::encode(report);
        for peer in &mut self.0 {
            if let Role::Attached(attached) = &mut peer.role
                && attached.output
            {
                attached.queued += message.len();
                attached.queue.push_back(message.clone());
                attached.flush(&peer.packets);
            }
        }
    }

    /// Whether something waits for this one.
    pub(crate) fn waits(&self, index: usize) -> bool {
        matches!(&self.0[index].role, Role::Attached(attached) if !attached.queue.is_empty())
    }

    /// Sends what waits for this one, as far as it takes it.
    pub(crate) fn flush(&mut self, index: usize) {
        let Peer { packets, role } = &mut self.0[index];
        if let Role::Attached(attached) = role {
            attached.flush(packets);
        }
    }

    /// Whether so much waits for somebody that the task has to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.attached().any(|attached| attached.queued >= QUEUE_MAX)
    }

    /// Whether something waits for anybody.
    pub(crate) fn any_waits(&self) -> bool {
        self.attached().any(|attached| !attached.queue.is_empty())
    }

    /// Lets go of those who have taken nothing for too long.
    pub(crate) fn drop_stuck(&mut self, now: Instant) {
        self.0.retain(|peer| match &peer.role {
            Role::Attached(Attached { stuck: Some(since), .. }) => now.duration_since(*since) < PATIENCE,
            _ => true,
        });
    }

    /// How long until somebody may have to be let go.
    pub(crate) fn until_stuck(&self, now: Instant) -> Option<Duration> {
        let stuck = self.attached().filter_map(|attached| attached.stuck);
        stuck.map(|since| (since + PATIENCE).saturating_duration_since(now) + Duration::from_millis(1)).min()
    }
}

impl Attached {
    fn flush(&mut self, packets: &Packets) {
        while let Some(message) = self.queue.front() {
            match packets.send(message) {
                Ok(()) => {
                    self.queued -= message.len();
                    self.queue.pop_front();
                    self.stuck = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stuck.get_or_insert_with(now);
                    return;
                }
                // Gone: its connection says so when it is read.
                Err(_) => {
                    self.queue.clear();
                    self.queued = 0;
                    self.stuck = None;
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a supervisor is real by nature; no simulation runs it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
