//! Local sockets that keep the borders of messages (`SOCK_SEQPACKET`), never blocking.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr,
    accept4, bind, connect, getsockopt, listen, recv, recvmsg, send, sendmsg, socket, socketpair, sockopt,
};

/// The longest message either side may send.
pub const LONGEST: usize = 16 * 1024;

/// The longest message that hands descriptors over.
pub const HANDED_LONGEST: usize = 4 * 1024;

/// How many descriptors one hands over at most.
pub const HANDED_MOST: usize = 4;

const FLAGS: SockFlag = SockFlag::SOCK_CLOEXEC.union(SockFlag::SOCK_NONBLOCK);

/// One end of a conversation.
#[derive(Debug)]
pub struct Packets(OwnedFd);

/// Who sits at the other end, as it was when they connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Their number then.
    pub pid: u32,
    /// Their user.
    pub uid: u32,
}

impl Packets {
    /// Two ends of one conversation.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, FLAGS)?;
        Ok((Self(one), Self(other)))
    }

    /// Connects to the listener `name` in `dir`.
    ///
    /// Errors: nobody listens there (any more).
    pub fn connect(dir: &Path, name: &str) -> io::Result<Self> {
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, FLAGS, None)?;
        at(dir, name, |address| connect(fd.as_raw_fd(), address))?;
        Ok(Self(fd))
    }

    /// Takes a descriptor one was started with.
    pub fn from_owned(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Sends one message whole.
    ///
    /// Errors: `WouldBlock` if the other end does not read; `BrokenPipe` if it is gone.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        send(self.0.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// Receives one message; empty once the other end is gone.
    ///
    /// Errors: `WouldBlock` if there is none yet; `InvalidData` if it is longer than [`LONGEST`].
    pub fn receive(&self) -> io::Result<Vec<u8>> {
        let mut again = true;
        // Nearly all are short: to ask costs less than to have room for the longest.
        let length = loop {
            match recv(self.0.as_raw_fd(), &mut [], MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC) {
                Ok(length) => break length,
                // A peer that closed with our message unread. What it said before is still there, and told once.
                Err(nix::errno::Errno::ECONNRESET) if again => again = false,
                Err(nix::errno::Errno::ECONNRESET) => break 0,
                Err(error) => return Err(error.into()),
            }
        };
        let mut buffer = vec![0; length.min(LONGEST)];
        if length > 0 {
            recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        }
        if length > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a control message is too long"));
        }
        Ok(buffer)
    }

    /// Sends one message whole, and with it copies of these descriptors.
    ///
    /// Errors: as of [`send`](Self::send).
    pub fn send_with(&self, message: &[u8], handed: &[BorrowedFd<'_>]) -> io::Result<()> {
        let handed: Vec<_> = handed.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&handed)];
        let parts = [io::IoSlice::new(message)];
        sendmsg::<()>(self.0.as_raw_fd(), &parts, &rights, MsgFlags::MSG_NOSIGNAL, None)?;
        Ok(())
    }

    /// Receives one message and what was handed over with it, at most [`HANDED_MOST`] descriptors; empty once the other end is
    /// gone.
    ///
    /// Errors: `WouldBlock` if there is none yet; `InvalidData` if it is longer than [`HANDED_LONGEST`].
    pub fn receive_with(&self) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
        let mut buffer = vec![0; HANDED_LONGEST];
        let mut room = nix::cmsg_space!([std::os::fd::RawFd; HANDED_MOST]);
        let mut parts = [io::IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let (length, flags, handed) = {
            let received = recvmsg::<()>(self.0.as_raw_fd(), &mut parts, Some(&mut room), flags)?;
            let mut handed = Vec::new();
            for message in received.cmsgs()? {
                if let ControlMessageOwned::ScmRights(numbers) = message {
                    handed.extend(numbers.into_iter().map(owned));
                }
            }
            (received.bytes, received.flags, handed)
        };
        if flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
        }
        buffer.truncate(length);
        Ok((buffer, handed))
    }

    /// Who is at the other end.
    pub fn peer(&self) -> io::Result<Peer> {
        let peer = getsockopt(&self.0, sockopt::PeerCredentials)?;
        Ok(Peer { pid: peer.pid() as u32, uid: peer.uid() })
    }
}

/// Where others may connect.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// Listens as `name` in `dir`; the name must be free.
    pub fn bind(dir: &Path, name: &str) -> io::Result<Self> {
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, FLAGS, None)?;
        at(dir, name, |address| bind(fd.as_raw_fd(), address))?;
        listen(&fd, Backlog::new(4)?)?;
        Ok(Self(fd))
    }

    /// Takes the next who connected.
    ///
    /// Errors: `WouldBlock` if there is none.
    pub fn accept(&self) -> io::Result<Packets> {
        Ok(Packets(owned(accept4(self.0.as_raw_fd(), FLAGS)?)))
    }
}

/// Of a number the kernel just made for us; nobody else owns it.
fn owned(number: std::os::fd::RawFd) -> OwnedFd {
    use std::os::fd::FromRawFd;
    #[expect(unsafe_code, reason = "the wrappers of accept4 and recvmsg return bare numbers")]
    // SAFETY: as said above, which is so in both places that call it.
    unsafe {
        OwnedFd::from_raw_fd(number)
    }
}

/// A socket's address holds 108 bytes, less than many a path: a longer one is named through the open directory.
fn at(dir: &Path, name: &str, call: impl Fn(&UnixAddr) -> nix::Result<()>) -> io::Result<()> {
    match UnixAddr::new(&dir.join(name)) {
        Ok(address) => call(&address)?,
        Err(_) => {
            let dir = File::open(dir)?;
            call(&UnixAddr::new(format!("/proc/self/fd/{}/{name}", dir.as_raw_fd()).as_str())?)?;
        }
    }
    Ok(())
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Packets {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Which of `watched` can be read or have lost their peer; blocks until one can, or for as long as `within`.
pub fn wait_readable(watched: &[BorrowedFd<'_>], within: Option<Duration>) -> io::Result<Vec<bool>> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut entries: Vec<PollFd<'_>> = watched.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    let within = match within {
        Some(within) => PollTimeout::try_from(within).map_err(io::Error::other)?,
        None => PollTimeout::NONE,
    };
    loop {
        match poll(&mut entries, within) {
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => break,
        }
    }
    Ok(entries.iter().map(|entry| entry.revents().is_some_and(|events| !events.is_empty())).collect())
}

/// Whether one can be read, or has lost its peer, within a while.
pub fn wait_readable_within(watched: impl AsFd, within: Duration) -> io::Result<bool> {
    Ok(wait_readable(&[watched.as_fd()], Some(within))?[0])
}

/// Has reading and writing a descriptor fail with `WouldBlock` rather than wait. Holds for all copies of it.
pub fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_borders_and_an_end_reads_as_empty() {
        let (one, other) = Packets::pair().unwrap();
        one.send(b"first").unwrap();
        one.send(b"second").unwrap();
        drop(one);
        assert_eq!(other.receive().unwrap(), b"first");
        assert_eq!(other.receive().unwrap(), b"second");
        assert_eq!(other.receive().unwrap(), b"");
        assert_eq!(other.send(b"late").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn what_is_handed_over_comes_with_its_message() {
        let (one, other) = Packets::pair().unwrap();
        let (read, write) = io::pipe().unwrap();
        one.send_with(b"a pipe", &[read.as_fd(), write.as_fd()]).unwrap();
        drop((read, write));
        one.send(b"nothing").unwrap();
        let (message, handed) = other.receive_with().unwrap();
        assert_eq!(message, b"a pipe");
        let [read, write] = <[OwnedFd; 2]>::try_from(handed).unwrap();
        io::Write::write_all(&mut io::PipeWriter::from(write), b"through").unwrap();
        assert_eq!(io::read_to_string(io::PipeReader::from(read)).unwrap(), "through");
        let (message, handed) = other.receive_with().unwrap();
        assert_eq!((message.as_slice(), handed.len()), (&b"nothing"[..], 0));
        drop(one);
        assert!(other.receive_with().unwrap().0.is_empty());
    }

    #[test]
    fn a_listener_is_found_below_a_path_longer_than_an_address() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let listener = Listener::bind(&deep, "control").unwrap();

        let asker = Packets::connect(&deep, "control").unwrap();
        let answerer = listener.accept().unwrap();
        assert_eq!(answerer.peer().unwrap().pid, std::process::id());
        asker.send(b"hello").unwrap();
        assert!(wait_readable(&[listener.as_fd(), answerer.as_fd()], None).unwrap()[1]);
        assert_eq!(answerer.receive().unwrap(), b"hello");
        assert_eq!(asker.receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn the_last_words_of_one_who_did_not_listen_are_heard() {
        let (one, other) = Packets::pair().unwrap();
        other.send(b"unread").unwrap();
        one.send(b"last").unwrap();
        drop(one);
        assert_eq!(other.receive().unwrap(), b"last");
        assert_eq!(other.receive().unwrap(), b"");
    }

    #[test]
    fn an_overlong_message_is_an_error_not_a_part() {
        let (one, other) = Packets::pair().unwrap();
        one.send(&vec![1; LONGEST + 1]).unwrap();
        assert_eq!(other.receive().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
