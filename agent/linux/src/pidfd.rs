//! A process by descriptor: signals reach it or nobody, its end makes the descriptor readable.

#![expect(unsafe_code, reason = "pidfd_open, pidfd_send_signal and waitid by pidfd have no safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// One process, held by descriptor: its number may be reused, this cannot be.
#[derive(Debug)]
pub struct Pidfd(OwnedFd);

impl Pidfd {
    /// Opens the process that bears `pid` now.
    ///
    /// Who did not start it compares its start time afterwards, since the number may have changed hands before.
    ///
    /// Errors: nobody bears the number.
    pub fn open(pid: u32) -> io::Result<Self> {
        // SAFETY: the call takes two integers and returns a fresh descriptor or an error.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    /// Takes a descriptor that `clone3` returned.
    pub(crate) fn from_owned(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Sends `signal`; zero only asks whether the process is there.
    ///
    /// Errors: it has ended and been waited for, or is not ours to signal.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        // SAFETY: the descriptor is open for as long as `self` lives; a null info asks for the default one.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Collects the exit of our own child, if it has ended: its raw wait status.
    ///
    /// Errors: it is not our child.
    pub fn reap(&self) -> io::Result<Option<i32>> {
        // SAFETY: an all-zero siginfo is a valid value of the type.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` outlives the call, and the descriptor is open.
        let done = unsafe {
            libc::waitid(
                libc::P_PIDFD,
                self.0.as_raw_fd() as libc::id_t,
                &mut info,
                libc::WEXITED | libc::WNOHANG,
            )
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: waitid filled the fields of a child's signal, or left them zero.
        let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
        if pid == 0 {
            return Ok(None);
        }
        Ok(Some(match info.si_code {
            libc::CLD_EXITED => (status & 0xff) << 8,
            libc::CLD_DUMPED => status | 0x80,
            _ => status,
        }))
    }

    /// Whether the process has ended, without waiting.
    pub fn ended(&self) -> bool {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid entry, and a timeout of zero.
        let ready = unsafe { libc::poll(&mut poll, 1, 0) };
        ready == 1 && poll.revents & libc::POLLIN != 0
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Pidfd {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_signal_ends_the_process_and_its_status_is_collected_once() {
        #[expect(clippy::zombie_processes, reason = "it is waited for by its descriptor, which is the test")]
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let pidfd = Pidfd::open(child.id()).unwrap();
        assert!(!pidfd.ended());
        assert_eq!(pidfd.reap().unwrap(), None);

        pidfd.signal(libc::SIGTERM).unwrap();
        while !pidfd.ended() {
            std::thread::yield_now();
        }

        assert_eq!(pidfd.reap().unwrap(), Some(libc::SIGTERM));
        assert!(pidfd.signal(0).is_err());
    }

    #[test]
    fn nobody_bears_an_impossible_number() {
        assert!(Pidfd::open(u32::MAX >> 1).is_err());
    }
}
