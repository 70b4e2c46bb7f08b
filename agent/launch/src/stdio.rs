//! A task's input and output while its supervisor keeps them.
//!
//! ```text
//!            ┌─ pipe or terminal ─► files of the sandbox, set aside when they are full
//! task ──────┤
//!            └─ pipe or terminal ─► everybody who reads; the slowest sets the pace, within reason
//!      ◄──── pipe or terminal ◄──── the one who writes
//! ```

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use agent_launch::isolation::Place;
use agent_launch::{Credentials, KeptStdio, LaunchSpec, PIECE_MAX, Report, Window};
use agent_linux::packet::set_nonblocking;
use agent_linux::terminal;

use crate::log::Log;
use crate::peers::Peers;

/// How much input may wait for a task that does not read. Unit: bytes.
const INPUT_MAX: usize = 256 * 1024;

/// How much output of a session waits for its first reader. Unit: bytes.
const HELD_MAX: usize = 256 * 1024;

/// The supervisor's ends.
pub(crate) struct Kept {
    how: KeptStdio,
    outputs: Vec<Output>,
    input: Option<File>,
    /// The terminal, for as long as it is one.
    terminal: Option<OwnedFd>,
    typed: VecDeque<u8>,
    /// Nothing more will be typed.
    typed_all: bool,
    /// What a session wrote before anybody read it.
    held: Vec<Report>,
    held_bytes: usize,
    /// Whether anybody was ever attached.
    pub(crate) used: bool,
}

struct Output {
    from: File,
    errors: bool,
    log: Option<Log>,
}

/// The task's ends: input, output, errors.
pub(crate) struct Theirs {
    pub(crate) ends: [OwnedFd; 3],
    pub(crate) terminal: bool,
}

/// Makes both sides.
pub(crate) fn open(spec: &LaunchSpec, how: &KeptStdio) -> io::Result<(Kept, Theirs)> {
    let owner = spec.credentials.as_ref();
    let log = |place: &Place| how.logged.map(|rotation| Log::new(place, rotation, owner));
    let kept = |outputs, input: Option<File>, terminal| Kept {
        how: how.clone(),
        outputs,
        input,
        terminal,
        typed: VecDeque::new(),
        typed_all: false,
        held: Vec::new(),
        held_bytes: 0,
        used: false,
    };
    let give = |end: &OwnedFd| match owner {
        Some(Credentials { uid, gid, .. }) => terminal::give(end, *uid, *gid),
        None => Ok(()),
    };
    if let Some(window) = how.terminal {
        let (ours, theirs) = terminal::open()?;
        resize(&ours, window)?;
        give(&theirs)?;
        let output = Output { from: ours.try_clone()?.into(), errors: false, log: log(&spec.stdout) };
        let input = File::from(ours.try_clone()?);
        let ends = [theirs.try_clone()?, theirs.try_clone()?, theirs];
        return Ok((kept(vec![output], Some(input), Some(ours)), Theirs { ends, terminal: true }));
    }
    let mut outputs = Vec::new();
    let mut ends = Vec::new();
    let (input, read): (Option<File>, OwnedFd) = match how.input {
        true => {
            let (read, write) = io::pipe()?;
            let write = OwnedFd::from(write);
            set_nonblocking(&write)?;
            (Some(write.into()), read.into())
        }
        false => (None, File::open("/dev/null")?.into()),
    };
    for (errors, path) in [(false, &spec.stdout), (true, &spec.stderr)] {
        let (from, to) = io::pipe()?;
        let (from, to) = (OwnedFd::from(from), OwnedFd::from(to));
        set_nonblocking(&from)?;
        // A program that opens /dev/stdout opens the pipe anew, with its own rights.
        give(&to)?;
        outputs.push(Output { from: from.into(), errors, log: log(path) });
        ends.push(to);
    }
    let (errors, output) = (ends.pop().expect("two were made"), ends.pop().expect("two were made"));
    Ok((kept(outputs, input, None), Theirs { ends: [read, output, errors], terminal: false }))
}

fn resize(terminal: &OwnedFd, window: Window) -> io::Result<()> {
    terminal::resize(terminal, terminal::Window { rows: window.rows, columns: window.columns })
}

impl Kept {
    /// Makes the files, so that they are there whatever the task writes.
    pub(crate) fn begin(&mut self) {
        self.outputs.iter_mut().filter_map(|output| output.log.as_mut()).for_each(Log::open);
    }

    /// Whether it lives for who is attached, and nobody is any more.
    pub(crate) fn is_abandoned(&self, peers: &Peers) -> bool {
        self.how.session && !peers.has_reader() && (self.used || !peers.has_agent())
    }

    /// What to watch for reading, in the order [`read`](Self::read) counts them.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.outputs.iter().map(|output| output.from.as_fd())
    }

    /// Whether more output is taken now.
    pub(crate) fn takes_output(&self, peers: &Peers) -> bool {
        !peers.is_full() && self.held_bytes < HELD_MAX
    }

    /// What to watch for room, when something was typed.
    pub(crate) fn wants_room(&self) -> Option<BorrowedFd<'_>> {
        self.input.as_ref().filter(|_| !self.typed.is_empty()).map(AsFd::as_fd)
    }

    /// Whether more input is taken now.
    pub(crate) fn takes_input(&self) -> bool {
        self.typed.len() < INPUT_MAX
    }

    /// Passes a piece of what the task wrote on; false once there will be no more from there.
    fn pass(&mut self, index: usize, peers: &mut Peers) -> Passed {
        let mut buffer = [0; PIECE_MAX];
        let output = &mut self.outputs[index];
        let length = match output.from.read(&mut buffer) {
            Ok(0) => return Passed::End,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Passed::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Passed::Nothing,
            // A terminal without a program behind it.
            Err(_) => return Passed::End,
        };
        let data = &buffer[..length];
        if let Some(log) = &mut output.log {
            log.write(data);
        }
        let report = Report::Output { errors: output.errors, data: data.to_vec() };
        if self.how.session && !self.used {
            self.held_bytes += length;
            self.held.push(report);
        } else {
            peers.output(&report);
        }
        Passed::Some
    }

    /// Reads those that are ready; `ready` in the order of [`outputs`](Self::outputs).
    pub(crate) fn read(&mut self, ready: &[bool], peers: &mut Peers) {
        for index in (0..self.outputs.len()).rev() {
            if ready.get(index).copied().unwrap_or(false) && matches!(self.pass(index, peers), Passed::End) {
                self.outputs.remove(index);
            }
        }
    }

    /// Passes on all that is still in the pipes; the task and all it started are gone.
    pub(crate) fn drain(&mut self, peers: &mut Peers) {
        for index in (0..self.outputs.len()).rev() {
            while matches!(self.pass(index, peers), Passed::Some) {}
        }
        self.outputs.clear();
    }

    /// Somebody reads from now on.
    pub(crate) fn attached(&mut self, peers: &mut Peers) {
        self.used = true;
        self.held_bytes = 0;
        for report in std::mem::take(&mut self.held) {
            peers.output(&report);
        }
    }

    /// Whether something was written for a reader that has not come yet.
    pub(crate) fn awaits_reader(&self) -> bool {
        self.how.session && !self.used
    }

    pub(crate) fn has_input(&self) -> bool {
        self.how.input || self.how.terminal.is_some()
    }

    pub(crate) fn type_in(&mut self, data: &[u8]) {
        if self.input.is_some() && !self.typed_all {
            self.typed.extend(data);
            self.write();
        }
    }

    pub(crate) fn end_input(&mut self) {
        if self.terminal.is_none() {
            self.typed_all = true;
            self.write();
        }
    }

    /// Writes what was typed, as far as there is room.
    pub(crate) fn write(&mut self) {
        let Some(input) = &mut self.input else { return };
        while !self.typed.is_empty() {
            let (front, _) = self.typed.as_slices();
            match input.write(front) {
                Ok(length) => drop(self.typed.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Nobody reads it any more.
                Err(_) => {
                    self.typed.clear();
                    self.input = None;
                    return;
                }
            }
        }
        if self.typed_all {
            self.input = None;
        }
    }

    pub(crate) fn resize(&self, window: Window) -> Result<(), String> {
        let Some(terminal) = &self.terminal else { return Err("the task has no terminal".into()) };
        resize(terminal, window).map_err(|error| format!("failed to resize the terminal: {error}"))
    }
}

enum Passed {
    Some,
    Nothing,
    End,
}
