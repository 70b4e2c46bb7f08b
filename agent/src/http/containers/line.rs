//! A line to the supervisor of a container, opened at the edge: what a task reads and writes does not pass through the
//! agent, so it flows while the agent is busy.

use std::io;
use std::time::Duration;

use agent_launch::runtime_files::CONTROL;
use agent_launch::{ATTACHES, PROTOCOL, Report, Request};
use agent_linux::packet::{Packets, wait_readable_within};
use libprocess::http::StatusCode;
use libprocess_wire as wire;
use model::ContainerId;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::containerizer::runtime_dir;
use crate::containers;
use crate::http::Wrong;
use crate::public::Public;

/// How long a supervisor may take for each answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Reads and writes what a supervisor says and hears. Dropped, it is detached.
#[derive(Debug)]
pub(super) struct Line(AsyncFd<Packets>);

impl Line {
    /// Opens a line to the supervisor of `id` and attaches to it.
    ///
    /// Errors: there is no such container, somebody else types already, or nothing is kept of its input and output. The command
    /// line of Mesos knows the last by its text.
    pub(super) fn attach(
        public: &Public,
        id: &ContainerId,
        input: bool,
        output: bool,
    ) -> Result<Self, Wrong> {
        let state = public.state();
        let unkept = || {
            let text = "I/O switchboard server was disabled for this container";
            Wrong::new(StatusCode::INTERNAL_SERVER_ERROR, text)
        };
        // One that has ended within another that has not.
        let unknown = || match containers::knows(&state, &id.root()) {
            true => unkept(),
            false => Wrong::new(StatusCode::NOT_FOUND, format!("Container {id} cannot be found")),
        };
        // Whoever names the container of a command task means the task.
        let task = containers::task_within(&state, id);
        let dir = runtime_dir(&state.settings.runtime_dir, task.as_ref().unwrap_or(id));
        let line = Packets::connect(&dir, CONTROL).map_err(|_| unknown())?;
        let broken =
            |_| Wrong::new(StatusCode::INTERNAL_SERVER_ERROR, format!("Container {id} does not answer"));
        let Report::Welcome(welcome) = ask(&line, &Request::Hello { protocol: PROTOCOL }).map_err(broken)?
        else {
            return Err(broken(io::ErrorKind::InvalidData.into()));
        };
        let refused = |why: &str| {
            tracing::info!(container = %id, "nobody can attach: {why}");
            unkept()
        };
        if welcome.protocol < ATTACHES {
            return Err(refused("it was launched by an agent that could not attach"));
        }
        match ask(&line, &Request::Attach { input, output }).map_err(broken)? {
            Report::Attached => {}
            Report::Busy => {
                let text = format!("Multiple input connections to container {id} are not allowed");
                return Err(Wrong::new(StatusCode::CONFLICT, text));
            }
            Report::Refused(why) => return Err(refused(&why)),
            _ => return Err(broken(io::ErrorKind::InvalidData.into())),
        }
        Self::watched(line).map_err(broken)
    }

    fn watched(line: Packets) -> io::Result<Self> {
        #[expect(
            deprecated,
            reason = "its successor is unsafe for descriptors that are only borrowed; ours is owned"
        )]
        AsyncFd::with_interest(line, Interest::READABLE | Interest::WRITABLE).map(Self)
    }

    /// What the supervisor says next; `None` once it is gone.
    pub(super) async fn hear(&self) -> Option<Report> {
        loop {
            let mut ready = self.0.readable().await.ok()?;
            match ready.try_io(|line| line.get_ref().receive()) {
                Err(_would_block) => continue,
                Ok(Err(_)) => return None,
                Ok(Ok(message)) if message.is_empty() => return None,
                // A newer supervisor may say what we do not know.
                Ok(Ok(message)) => match wire::decode(&message) {
                    Ok(report) => return Some(report),
                    Err(_) => continue,
                },
            }
        }
    }

    /// Tells the supervisor, as soon as it listens.
    ///
    /// Errors: it is gone.
    pub(super) async fn say(&self, request: &Request) -> io::Result<()> {
        let message = wire::encode(request);
        loop {
            let mut ready = self.0.writable().await?;
            match ready.try_io(|line| line.get_ref().send(&message)) {
                Err(_would_block) => continue,
                Ok(done) => return done,
            }
        }
    }
}

/// One question and its answer. Blocks for a moment: the supervisor is on this machine and does nothing else.
fn ask(line: &Packets, request: &Request) -> io::Result<Report> {
    line.send(&wire::encode(request))?;
    loop {
        if !wait_readable_within(line, ANSWER)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match wire::decode(&line.receive()?) {
            // What happens meanwhile is told here too.
            Ok(Report::Running | Report::Ended(_)) => {}
            Ok(answer) => return Ok(answer),
            Err(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
