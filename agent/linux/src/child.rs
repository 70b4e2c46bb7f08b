//! What a supervisor does and a threaded process must not: split in two, adopt orphans, wait for whoever ended.

#![expect(unsafe_code, reason = "clone3, wait4 and close_range have no safe wrapper")]

use std::ffi::CStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::pidfd::Pidfd;

/// Source: linux/sched.h. In the C library's crate it is an integer that cannot hold it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Which of the two one is after a split.
#[derive(Debug)]
pub enum Side {
    /// The one that was there before.
    Parent {
        /// The child's number, ours to wait for.
        pid: u32,
        /// The same, by descriptor.
        pidfd: Pidfd,
    },
    /// The new one.
    Child,
}

/// Splits this process in two, as fork does, and holds the child by descriptor from its first moment.
///
/// Errors: the process has more than one thread (the others would vanish in the child with their locks held), or the
/// kernel refuses.
pub fn split() -> io::Result<Side> {
    split_into(&[], None)
}

/// What a process can have of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Numbers of processes; the child is number one.
    Pid,
    Mount,
    Ipc,
    /// Host and domain name.
    Uts,
    Network,
    /// Which group is the root. It is entered or left, not had at a split.
    Cgroup,
}

impl Namespace {
    fn flag(self) -> i32 {
        match self {
            Self::Pid => libc::CLONE_NEWPID,
            Self::Mount => libc::CLONE_NEWNS,
            Self::Ipc => libc::CLONE_NEWIPC,
            Self::Uts => libc::CLONE_NEWUTS,
            Self::Network => libc::CLONE_NEWNET,
            Self::Cgroup => libc::CLONE_NEWCGROUP,
        }
    }
}

/// Enters namespaces of another process. Of process numbers, only those who are started later do.
pub fn join(whose: &Pidfd, namespaces: &[Namespace]) -> io::Result<()> {
    let flags = namespaces.iter().fold(0, |flags, namespace| flags | namespace.flag());
    Ok(nix::sched::setns(whose, nix::sched::CloneFlags::from_bits_truncate(flags))?)
}

/// Leaves namespaces for copies of one's own.
pub fn leave(namespaces: &[Namespace]) -> io::Result<()> {
    let flags = namespaces.iter().fold(0, |flags, namespace| flags | namespace.flag());
    Ok(nix::sched::unshare(nix::sched::CloneFlags::from_bits_truncate(flags))?)
}

/// Splits as [`split`] does, the child in new namespaces of these kinds, and in the group whose directory of cgroup v2 is given.
pub fn split_into(namespaces: &[Namespace], group: Option<BorrowedFd<'_>>) -> io::Result<Side> {
    let mut pidfd: i32 = -1;
    // SAFETY: an all-zero clone_args asks for nothing special.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = namespaces.iter().fold(libc::CLONE_PIDFD, |all, one| all | one.flag()) as u64;
    arguments.pidfd = (&raw mut pidfd) as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    match clone(arguments, group)? {
        None => Ok(Side::Child),
        Some(pid) => {
            // SAFETY: the kernel just made this descriptor for us.
            let pidfd = Pidfd::from_owned(unsafe { OwnedFd::from_raw_fd(pidfd) });
            Ok(Side::Parent { pid, pidfd })
        }
    }
}

/// Splits in two of which the new one is a child of whoever this process is a child of: its number, or `None` in it. It begins
/// in the group whose directory of cgroup v2 is given.
pub fn split_beside(group: Option<BorrowedFd<'_>>) -> io::Result<Option<u32>> {
    // SAFETY: an all-zero clone_args asks for nothing special.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    // Its end is told as ours will be.
    arguments.flags = libc::CLONE_PARENT as u64;
    clone(arguments, group)
}

/// `None` in the child. Whatever the arguments point to outlives the call; they do not ask for shared memory.
fn clone(mut arguments: libc::clone_args, group: Option<BorrowedFd<'_>>) -> io::Result<Option<u32>> {
    // Changes nothing, and is refused where there is more than one thread.
    // SAFETY: the call takes an integer.
    if unsafe { libc::unshare(libc::CLONE_THREAD) } < 0 {
        return Err(io::Error::other("only a single-threaded process may split"));
    }
    if let Some(group) = group {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM the child has its own copy of everything, and there is no other thread whose state it
    // could lack.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<libc::clone_args>()) };
    match pid {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some(pid as u32)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes this process the parent of every orphan below it.
pub fn adopt_orphans() -> io::Result<()> {
    nix::sys::prctl::set_child_subreaper(true).map_err(io::Error::from)
}

/// Sets the name people see in process lists; a sealed program would otherwise bear the number of a descriptor.
pub fn set_name(name: &CStr) -> io::Result<()> {
    nix::sys::prctl::set_name(name).map_err(io::Error::from)
}

/// Hides this process from being traced or read by others of the same user.
pub fn hide() -> io::Result<()> {
    nix::sys::prctl::set_dumpable(false).map_err(io::Error::from)
}

/// Puts descriptors in the place of standard input, output and errors; closes none of them.
pub fn set_stdio(input: impl AsFd, output: impl AsFd, errors: impl AsFd) -> io::Result<()> {
    nix::unistd::dup2_stdin(input)?;
    nix::unistd::dup2_stdout(output)?;
    nix::unistd::dup2_stderr(errors)?;
    Ok(())
}

/// Bounds how much memory this process may ever map. Unit: bytes.
pub fn limit_memory(bytes: u64) -> io::Result<()> {
    Ok(nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_AS, bytes, bytes)?)
}

/// Bounds how long any file this process and those it starts write may become. Unit: bytes.
pub fn limit_file_size(bytes: u64) -> io::Result<()> {
    Ok(nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_FSIZE, bytes, bytes)?)
}

/// Sets which permission bits new files never get.
pub fn set_umask(mask: u32) {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(mask));
}

/// Begins a session of one's own.
pub fn lead_session() -> io::Result<()> {
    nix::unistd::setsid().map(drop).map_err(io::Error::from)
}

/// Closes every descriptor from `first` up.
///
/// For a process that is about to be somebody else: values that own such a descriptor must not be used or dropped.
pub fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: what the descriptors belonged to is not used again, as the docs demand.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Takes ownership of a descriptor one was started with; `None` if there is none of that number.
pub fn inherited(number: i32) -> Option<OwnedFd> {
    // SAFETY: asks only for the flags of a number.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return None;
    }
    // SAFETY: the descriptor is open, came from whoever started us, and nothing else here owns it.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// What a process and those it waited for have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Unit: microseconds in user mode.
    pub user_micros: u64,
    /// Unit: microseconds in the kernel.
    pub system_micros: u64,
    /// Unit: bytes, the most that was resident in one process.
    pub peak_bytes: u64,
}

impl Spent {
    fn from_raw(usage: &libc::rusage) -> Self {
        let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
        Self {
            user_micros: micros(usage.ru_utime),
            system_micros: micros(usage.ru_stime),
            // The kernel counts kibibytes.
            peak_bytes: usage.ru_maxrss as u64 * 1024,
        }
    }

    /// What this process and all children it has waited for have used up to now: its own, then theirs.
    pub fn so_far() -> [Self; 2] {
        [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN].map(|who| {
            let mut usage = MaybeUninit::zeroed();
            // SAFETY: the call fills the value it is given; all zero is a valid one should it fail.
            let usage = unsafe {
                libc::getrusage(who, usage.as_mut_ptr());
                usage.assume_init()
            };
            Self::from_raw(&usage)
        })
    }
}

/// A child that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its number, free from now on.
    pub pid: u32,
    /// The raw wait status.
    pub status: i32,
    /// What it used.
    pub spent: Spent,
}

/// What waiting for children found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// One has ended.
    Ended(Ended),
    /// There are children, none of which has ended.
    Busy,
    /// There are no children.
    Alone,
}

/// Waits for any child; does not block unless told to.
pub fn wait_any(block: bool) -> io::Result<Waited> {
    wait(-1, block)
}

/// Waits for one child, without blocking.
pub fn wait_for(pid: u32) -> io::Result<Waited> {
    wait(pid as i32, false)
}

fn wait(pid: i32, block: bool) -> io::Result<Waited> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both out-values outlive the call.
        let pid = unsafe {
            libc::wait4(pid, &mut status, if block { 0 } else { libc::WNOHANG }, usage.as_mut_ptr())
        };
        return match pid {
            0 => Ok(Waited::Busy),
            pid if pid > 0 => {
                // SAFETY: wait4 filled it, and all zero is a valid value.
                let spent = Spent::from_raw(unsafe { usage.assume_init_ref() });
                Ok(Waited::Ended(Ended { pid: pid as u32, status, spent }))
            }
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => continue,
                error if error.raw_os_error() == Some(libc::ECHILD) => Ok(Waited::Alone),
                error => Err(error),
            },
        };
    }
}

/// Kills the direct children of this process, and with `deep` everything below them too.
///
/// A direct child keeps its number until we wait for it; those further down are held by descriptor. Their own children
/// are ours once they are dead ([`adopt_orphans`]), so calling this and waiting, until there are none, ends all.
pub fn kill_children(deep: bool) -> io::Result<()> {
    for pid in children()? {
        // SAFETY: the call takes two integers; the number is our own unreaped child's.
        unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
    }
    if deep {
        let table = crate::process::Table::read()?;
        for stat in table.descendants(std::process::id()) {
            let id = crate::process::ProcessId { pid: stat.pid, started: stat.started };
            // Who is gone by now needs no killing.
            let _ = id.open().and_then(|pidfd| pidfd.signal(libc::SIGKILL));
        }
    }
    Ok(())
}

/// The end of children as something to poll: SIGCHLD is kept from interrupting and made readable.
#[derive(Debug)]
pub struct ChildEnds(SignalFd);

impl ChildEnds {
    /// From now on, for this single-threaded process.
    pub fn new() -> io::Result<Self> {
        let mut set = SigSet::empty();
        set.add(Signal::SIGCHLD);
        set.thread_block()?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// Forgets the ends that were signalled so far; whoever calls it waits for all children afterwards.
    pub fn drain(&self) {
        while let Ok(Some(_)) = self.0.read_signal() {}
    }

    /// Lets a child that is about to exec hear all signals again.
    pub fn unblock() -> io::Result<()> {
        Ok(SigSet::empty().thread_set_mask()?)
    }
}

impl AsFd for ChildEnds {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits for the next signal of any kind, all of which this process keeps from now on: for the first process of a pid
/// namespace, whom no signal would reach otherwise.
#[derive(Debug)]
pub struct AllSignals(SigSet);

impl AllSignals {
    /// Blocks all signals that can be.
    pub fn hold() -> io::Result<Self> {
        let set = SigSet::all();
        set.thread_set_mask()?;
        Ok(Self(set))
    }

    /// The number of the next one.
    pub fn next(&self) -> io::Result<i32> {
        Ok(self.0.wait()? as i32)
    }
}

/// Sends a signal to our own child, which has not been waited for.
pub fn pass_on(child: u32, signal: i32) -> io::Result<()> {
    // SAFETY: the call takes two integers; the number is our own unreaped child's.
    if unsafe { libc::kill(child as libc::pid_t, signal) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The direct children of this process.
pub fn children() -> io::Result<Vec<u32>> {
    let me = std::process::id();
    // One small file where the kernel offers it; it lists the children of our only thread.
    if let Ok(line) = fs::read_to_string(format!("/proc/self/task/{me}/children")) {
        return Ok(line.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect());
    }
    let table = crate::process::Table::read()?;
    Ok(table.descendants(me).into_iter().filter(|stat| stat.parent == me).map(|stat| stat.pid).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threaded_process_is_not_split() {
        // The test harness runs every test on a thread of its own.
        assert!(split().is_err());
    }

    #[test]
    fn what_was_spent_grows() {
        let [mine, _] = Spent::so_far();
        assert!(mine.peak_bytes > 0);
    }
}
