//! The end of a container: what it left is ended, whoever asks is told, and what nobody wrote down is left in a record.

use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent_launch::{Outcome, Report, Request};
use agent_linux::child::{self, Waited};
use agent_linux::poll::{self, Watched};
use libprocess_wire as wire;

use super::{Stage, Supervisor, record_of};
use crate::peers::{Peers, now};

/// How long an agent may take to write an end down, before the record is left for whoever comes.
const NOTED: Duration = Duration::from_secs(5);

/// The shortest wait, so that no deadline is waited for in a circle.
const SHORT: Duration = Duration::from_millis(5);

impl Supervisor {
    /// Ends what is left of the container, tells, writes the record, goes.
    pub(super) fn finish(mut self, status: i32, peers: &mut Peers) -> ExitCode {
        self.read_report(peers);
        if let Some(tree) = &self.tree {
            // All at once; whoever left the group is found below.
            let _ = tree.kill();
        }
        end_all();
        if let Some(tree) = &self.tree {
            // And whoever came into it from elsewhere.
            let _ = tree.end();
        }
        if let Some(kept) = &mut self.kept {
            kept.drain(peers);
        }
        let status = self.ending.take().and_then(own_status).unwrap_or(status);
        let outcome = match &mut self.stage {
            Stage::Running | Stage::Leaving { .. } => Outcome::Exited { status, destroyed: self.destroyed },
            Stage::Failed { message } => Outcome::NotStarted { message: message.clone() },
            Stage::AtGate { report, .. } => {
                // It says something if it could not come as far.
                let mut message = String::new();
                let _ = report.take(4096).read_to_string(&mut message);
                if message.is_empty() {
                    message.push_str("the task was killed before it was let go");
                }
                Outcome::NotStarted { message }
            }
        };
        let record = record_of(outcome, self.started_millis, self.identity.boot_id.clone());
        // Told first: the agent writes it to a journal of its own, many in one flush, and the file with its two flushes is
        // for when there is no agent.
        peers.tell(&Report::Ended(record.clone()));
        let deadline = now() + NOTED;
        let (mut noted, mut code) = (false, ExitCode::SUCCESS);
        loop {
            let late = now() >= deadline;
            if !noted && (late || !peers.has_agent()) {
                noted = true;
                code = if record.write(&self.dir).is_ok() { code } else { ExitCode::from(74) };
            }
            // A session's reader may still be on the way.
            let unread = self.kept.as_ref().is_some_and(|kept| kept.awaits_reader()) && !late;
            if noted && !unread && !peers.any_waits() {
                return code;
            }
            noted |= self.part(peers, deadline);
        }
    }

    /// Waits for the last words of those who are there; whether an agent said that nothing needs to be left behind.
    fn part(&mut self, peers: &mut Peers, deadline: Instant) -> bool {
        let mut watched = vec![Watched::reading(self.listener.as_fd())];
        watched.extend((0..peers.len()).map(|index| Watched {
            fd: peers.fd(index),
            read: true,
            write: peers.waits(index),
        }));
        let left = deadline.saturating_duration_since(now());
        let within = match peers.until_stuck(now()) {
            Some(stuck) if left.is_zero() => stuck,
            Some(stuck) => stuck.min(left),
            None => left,
        };
        let Ok(ready) = poll::wait(&watched, Some(within.max(SHORT))) else { return false };
        let mut forget = false;
        for (index, ready) in ready[1..].iter().enumerate().rev() {
            if ready.write {
                peers.flush(index);
            }
            if ready.read {
                match peers.receive(index) {
                    Ok(message) if !message.is_empty() => match wire::decode(&message) {
                        Ok(Request::Forget) => forget |= peers.is_agent(index),
                        Ok(Request::Attach { input, output }) => self.attach(index, input, output, peers),
                        Ok(request @ Request::Hello { .. }) => {
                            if let Some(answer) = self.obey(request) {
                                peers.answer(index, &answer);
                            }
                        }
                        // Other requests crossed the end on their way, and mean nothing any more.
                        _ => {}
                    },
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    _ => peers.remove(index),
                }
            }
        }
        peers.drop_stuck(now());
        if ready[0].read {
            self.welcome(peers);
        }
        forget
    }
}

/// What the first process of a pid namespace said of the task's end; nothing if it was killed itself.
fn own_status(mut ending: PipeReader) -> Option<i32> {
    let mut bytes = [0; 4];
    ending.read_exact(&mut bytes).ok()?;
    Some(i32::from_le_bytes(bytes))
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
