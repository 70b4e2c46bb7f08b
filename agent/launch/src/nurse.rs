//! The nursery: splits for each supervisor an agent wants.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::ExitCode;

use agent_launch::nursery::{Birth, Born, LINE};
use agent_linux::packet::{Packets, wait_readable};
use agent_linux::{child, process};
use libprocess_wire as wire;

use crate::supervise;

/// Bears supervisors until nobody is at the other end. In each of them it returns at the supervisor's end.
pub(crate) fn run() -> ExitCode {
    let Some(line) = child::inherited(LINE).map(Packets::from_owned) else { return ExitCode::from(64) };
    if child::close_from(LINE as u32 + 1).and_then(|()| child::hide()).is_err() {
        return ExitCode::from(1);
    }
    // A sealed program would otherwise bear the number of a descriptor.
    let _ = child::set_name(c"hectare-launch");
    warm();
    let mut cradle = Cradle::default();
    loop {
        // Polling fails only for want of memory: nothing better than to look again.
        let Ok(_) = wait_readable(&[line.as_fd()], None) else { continue };
        let (message, handed) = match line.receive_with() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Ok((message, handed)) if !message.is_empty() => (message, handed),
            // The agent is gone; supervisors are not.
            _ => return ExitCode::SUCCESS,
        };
        let born = match (wire::decode::<Birth>(&message), <[OwnedFd; 3]>::try_from(handed)) {
            (Ok(birth), Ok(handed)) => match cradle.split(birth.group) {
                Ok(Split::Supervisor { entered }) => {
                    drop((line, cradle));
                    return supervise::run(handed, entered);
                }
                Ok(Split::Nursery { pid }) => Born::As(pid),
                Err(error) => Born::Not(format!("failed to split: {error}")),
            },
            _ => Born::Not("the request is not understood".to_owned()),
        };
        if line.send(&wire::encode(&born)).is_err() {
            return ExitCode::SUCCESS;
        }
    }
}

/// What is the same for all who are born is found out before.
fn warm() {
    // Which instructions the processor has: to ask takes long in virtual machines.
    let _ = crc32c::crc32c(b"warm");
    let _ = process::boot_id();
}

/// Which of the two one is.
enum Split {
    Nursery {
        pid: u32,
    },
    Supervisor {
        /// It is in the group of supervisors.
        entered: bool,
    },
}

/// The group in which supervisors are to begin.
#[derive(Default)]
struct Cradle {
    /// The file by which one enters it.
    file: Option<String>,
    /// Its directory; `None` if nobody can be born into it, as on v1.
    dir: Option<File>,
}

impl Cradle {
    fn split(&mut self, file: Option<String>) -> io::Result<Split> {
        if self.file != file {
            let dir = file.as_deref().and_then(|file| Path::new(file).parent());
            self.dir = dir.and_then(|dir| File::open(dir).ok());
            self.file = file;
        }
        if let Some(dir) = &self.dir {
            match child::split_beside(Some(dir.as_fd())) {
                Ok(Some(pid)) => return Ok(Split::Nursery { pid }),
                Ok(None) => return Ok(Split::Supervisor { entered: true }),
                // It enters by itself, or says why not. One that was made anew meanwhile is opened next time.
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => *self = Self::default(),
                Err(_) => self.dir = None,
            }
        }
        Ok(match child::split_beside(None)? {
            Some(pid) => Split::Nursery { pid },
            None => Split::Supervisor { entered: false },
        })
    }
}
