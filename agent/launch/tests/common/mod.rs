//! A supervisor, started as an agent starts it.

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use agent_launch::LaunchSpec;
use agent_launch::nursery::Nursery;
use agent_launch::runtime_files::LOCK;
use agent_launch::sealed::Sealed;
use agent_linux::lock::Lock;
use agent_linux::packet::Packets;
use agent_linux::program::{Program, Started};

/// Starts the supervisor of one container in `dir`; gives it, and the channel on which it reports.
pub(crate) fn supervise(dir: &Path, spec: &LaunchSpec) -> (Started, Packets) {
    let (started, channel, mut told) = begin(dir);
    told.write_all(&spec.seal()).unwrap();
    (started, channel)
}

/// Starts a supervisor that waits to be told what to launch.
pub(crate) fn begin(dir: &Path) -> (Started, Packets, io::PipeWriter) {
    let bytes = fs::read(env!("CARGO_BIN_EXE_hectare-launch")).unwrap();
    let program = Program::seal(c"hectare-launch", &bytes, dir).unwrap();
    let lock = Lock::take(&dir.join(LOCK)).unwrap().unwrap();
    let (channel, theirs) = Packets::pair().unwrap();
    let (read, write) = io::pipe().unwrap();
    let nursery = Nursery::begin(&program).unwrap();
    let started = nursery.bear(&[lock.as_fd(), read.as_fd(), theirs.as_fd()], None).unwrap();
    (started, channel, write)
}
