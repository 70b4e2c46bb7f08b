//! Waiting until one of several descriptors can be read or written.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};

/// A descriptor and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// Which one.
    pub fd: BorrowedFd<'a>,
    /// Wake when there is something to read, or nothing more will come.
    pub read: bool,
    /// Wake when there is room to write, or nobody reads any more.
    pub write: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Reading will not block.
    pub read: bool,
    /// Writing will not block.
    pub write: bool,
}

impl<'a> Watched<'a> {
    /// One that is to be read.
    pub fn reading(fd: BorrowedFd<'a>) -> Self {
        Self { fd, read: true, write: false }
    }
}

/// Waits for the first of `watched`, or for as long as `within`; answers in their order.
///
/// Those of which nothing is wanted are left out: the end of one would otherwise wake every wait.
pub fn wait(watched: &[Watched<'_>], within: Option<Duration>) -> io::Result<Vec<Ready>> {
    let (mut polled, mut indexes) = (Vec::with_capacity(watched.len()), Vec::with_capacity(watched.len()));
    for (index, one) in watched.iter().enumerate() {
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::POLLIN, one.read);
        wanted.set(PollFlags::POLLOUT, one.write);
        if !wanted.is_empty() {
            polled.push(PollFd::new(one.fd, wanted));
            indexes.push(index);
        }
    }
    let within = match within {
        Some(within) => PollTimeout::try_from(within).map_err(io::Error::other)?,
        None => PollTimeout::NONE,
    };
    loop {
        match nix::poll::poll(&mut polled, within) {
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => break,
        }
    }
    let mut ready = vec![Ready::default(); watched.len()];
    for (index, entry) in indexes.iter().zip(&polled) {
        let events = entry.revents().unwrap_or(PollFlags::empty());
        let broken = events.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL);
        let one = &watched[*index];
        ready[*index] = Ready {
            read: one.read && (broken || events.contains(PollFlags::POLLIN)),
            write: one.write && (broken || events.contains(PollFlags::POLLOUT)),
        };
    }
    Ok(ready)
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_nobody_wants_wakes_nobody() {
        let (read, mut write) = pipe().unwrap();
        let (ended, end) = pipe().unwrap();
        drop(end);
        let unwanted = Watched { fd: ended.as_fd(), read: false, write: false };
        let none = wait(&[Watched::reading(read.as_fd()), unwanted], Some(Duration::ZERO)).unwrap();
        assert_eq!(none, [Ready::default(); 2]);
        write.write_all(b"x").unwrap();
        let some = wait(
            &[
                Watched::reading(read.as_fd()),
                unwanted,
                Watched { fd: write.as_fd(), read: false, write: true },
            ],
            None,
        )
        .unwrap();
        assert_eq!((some[0].read, some[1].read, some[2].write), (true, false, true));
    }
}
