//! Terminals made here: the end people type at, and the end a program believes to be one.

#![expect(unsafe_code, reason = "terminals are told things by ioctl")]

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

/// How large a terminal is. Unit: characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From top to bottom.
    pub rows: u16,
    /// From left to right.
    pub columns: u16,
}

/// Makes a terminal: the end that is typed at and read from, and the end for the program.
///
/// Neither is inherited by programs. Errors: the kernel has no more of them.
pub fn open() -> io::Result<(OwnedFd, OwnedFd)> {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let path = ptsname_r(&master)?;
    let slave = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(path)?;
    Ok((master.into(), slave.into()))
}

/// Tells a terminal how large it is; who runs in it hears SIGWINCH.
pub fn resize(terminal: impl AsFd, window: Window) -> io::Result<()> {
    let size = libc::winsize { ws_row: window.rows, ws_col: window.columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open, and the size outlives the call, which only reads it.
    check(unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSWINSZ, &raw const size) })
}

/// How large a terminal is.
///
/// Errors: it is none.
pub fn size(terminal: impl AsFd) -> io::Result<Window> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open, and the size outlives the call, which fills it.
    check(unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) })?;
    Ok(Window { rows: size.ws_row, columns: size.ws_col })
}

/// Makes a terminal that of this session, which has none yet and is led by this process.
pub fn control(terminal: impl AsFd) -> io::Result<()> {
    // SAFETY: the descriptor is open; the call takes integers.
    check(unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSCTTY, 0) })
}

/// Gives a descriptor's file to somebody.
pub fn give(fd: impl AsFd, uid: u32, gid: u32) -> io::Result<()> {
    Ok(nix::unistd::fchown(fd, Some(uid.into()), Some(gid.into()))?)
}

fn check(code: i32) -> io::Result<()> {
    if code < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_as_large_as_it_was_told() {
        let (ours, theirs) = open().unwrap();
        let window = Window { rows: 33, columns: 121 };
        resize(&ours, window).unwrap();
        assert_eq!(size(&theirs).unwrap(), window);
        let (read, _write) = io::pipe().unwrap();
        assert!(size(&read).is_err());
    }
}
