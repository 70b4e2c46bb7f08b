//! An executable that lives in sealed memory and is started with `posix_spawn`: a threaded process never forks Rust
//! code, and no container can write to the file it runs from.

#![expect(unsafe_code, reason = "posix_spawn and file seals are C interfaces")]

use std::ffi::{CStr, CString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr;

use crate::pidfd::Pidfd;

/// How many descriptors a program can be handed.
const HANDED_MOST: usize = 16;

/// Bytes that can be executed and no longer changed.
#[derive(Debug)]
pub struct Program {
    file: OwnedFd,
    path: CString,
}

/// A program that was started.
#[derive(Debug)]
pub struct Started {
    /// Its number, ours to wait for.
    pub pid: u32,
    /// The same, by descriptor.
    pub pidfd: Pidfd,
}

impl Program {
    /// Seals `bytes` in memory; where the machine forbids executing memory, in an unlinked file of `fallback`.
    pub fn seal(name: &CStr, bytes: &[u8], fallback: &Path) -> io::Result<Self> {
        let file = match Self::in_memory(name, bytes) {
            Ok(file) => file,
            Err(_) => Self::in_file(bytes, fallback)?,
        };
        // Out of the way of the numbers that are given away when it starts.
        let file = copy_above(file.as_fd(), HANDED_MOST as i32 + 3)?;
        let path =
            CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("digits hold no zero byte");
        Ok(Self { file, path })
    }

    fn in_memory(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // Kernels before 6.3 do not know the flag that asks for an executable one; there it is the default.
        let fd = [flags | libc::MFD_EXEC, flags]
            .into_iter()
            // SAFETY: the name is a C string that outlives the call.
            .map(|flags| unsafe { libc::memfd_create(name.as_ptr(), flags) })
            .find(|fd| *fd >= 0)
            .ok_or_else(io::Error::last_os_error)?;
        // SAFETY: the kernel just made this descriptor for us.
        let mut file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        file.write_all(bytes)?;
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE | libc::F_SEAL_SEAL;
        // SAFETY: the descriptor is open; the call takes integers.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(file.into())
    }

    fn in_file(bytes: &[u8], dir: &Path) -> io::Result<OwnedFd> {
        let path = dir.join(format!(".program-{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o500).open(&path)?;
        file.write_all(bytes)?;
        drop(file);
        // Opened again, since a file that is open for writing cannot be executed.
        let file = File::open(&path)?;
        fs::remove_file(&path)?;
        Ok(file.into())
    }

    /// Starts it with `argv`, no environment, no signal blocked or ignored, and `/dev/null` as its input and
    /// output. `handed` become its descriptors 3, 4, …; `errors`, its standard error.
    ///
    /// With `session` it leads a session of its own.
    pub fn start(
        &self,
        argv: &[&CStr],
        handed: &[BorrowedFd<'_>],
        errors: Option<BorrowedFd<'_>>,
        session: bool,
    ) -> io::Result<Started> {
        assert!(handed.len() <= HANDED_MOST, "a program is started with a handful of descriptors");
        // A source that bears a number we are about to give away is moved up first.
        let above = 3 + handed.len() as i32;
        let sources = handed
            .iter()
            .chain(errors.as_ref())
            .map(|fd| copy_above(*fd, above))
            .collect::<io::Result<Vec<_>>>()?;

        let mut actions = Actions::new()?;
        actions.open_null(0, libc::O_RDONLY)?;
        actions.open_null(1, libc::O_WRONLY)?;
        match errors {
            Some(_) => actions.duplicate(sources[handed.len()].as_raw_fd(), 2)?,
            None => actions.open_null(2, libc::O_WRONLY)?,
        }
        for (source, number) in sources.iter().zip(3..above) {
            actions.duplicate(source.as_raw_fd(), number)?;
        }
        let attributes = Attributes::new(session)?;

        let mut words: Vec<*mut libc::c_char> = argv.iter().map(|word| word.as_ptr().cast_mut()).collect();
        words.push(ptr::null_mut());
        let environment = [ptr::null_mut::<libc::c_char>()];
        let mut pid: libc::pid_t = 0;
        // SAFETY: path, words and environment are null-terminated and outlive the call; actions and attributes are
        // initialised; posix_spawn does not write through the word pointers.
        check(unsafe {
            libc::posix_spawn(
                &mut pid,
                self.path.as_ptr(),
                &actions.0,
                &attributes.0,
                words.as_ptr(),
                environment.as_ptr(),
            )
        })?;
        let pid = pid as u32;
        // Our own child keeps its number until we wait for it, so this is the one we started.
        Ok(Started { pid, pidfd: Pidfd::open(pid)? })
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn copy_above(fd: BorrowedFd<'_>, least: i32) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is open; the call takes integers.
    let copy = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// The spawn functions return the error instead of setting `errno`.
fn check(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

struct Actions(libc::posix_spawn_file_actions_t);

impl Actions {
    fn new() -> io::Result<Self> {
        let mut actions = MaybeUninit::uninit();
        // SAFETY: init fills the value it is given.
        check(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: it was filled just now.
        Ok(Self(unsafe { actions.assume_init() }))
    }

    fn open_null(&mut self, number: i32, flags: i32) -> io::Result<()> {
        // SAFETY: the actions are initialised, the path is copied by the call.
        check(unsafe {
            libc::posix_spawn_file_actions_addopen(&mut self.0, number, c"/dev/null".as_ptr(), flags, 0)
        })
    }

    fn duplicate(&mut self, source: i32, number: i32) -> io::Result<()> {
        // SAFETY: the actions are initialised; the call takes integers.
        check(unsafe { libc::posix_spawn_file_actions_adddup2(&mut self.0, source, number) })
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { libc::posix_spawn_file_actions_destroy(&mut self.0) };
    }
}

/// Signals somebody above us may have ignored, which an exec would hand on. Handlers end with the exec by themselves.
const USUALLY_IGNORED: [i32; 11] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGPIPE,
    libc::SIGALRM,
    libc::SIGTERM,
    libc::SIGCHLD,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGWINCH,
];

struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    fn new(session: bool) -> io::Result<Self> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: init fills the value it is given.
        check(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: it was filled just now.
        let mut attributes = Self(unsafe { attributes.assume_init() });
        let mut flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        if session {
            flags |= i32::from(libc::POSIX_SPAWN_SETSID);
        }
        // SAFETY: the sets are filled before they are read, and the attributes are initialised.
        unsafe {
            let mut none = MaybeUninit::uninit();
            libc::sigemptyset(none.as_mut_ptr());
            check(libc::posix_spawnattr_setsigmask(&mut attributes.0, none.as_ptr()))?;
            let mut heard = none;
            for signal in USUALLY_IGNORED {
                libc::sigaddset(heard.as_mut_ptr(), signal);
            }
            check(libc::posix_spawnattr_setsigdefault(&mut attributes.0, heard.as_ptr()))?;
            check(libc::posix_spawnattr_setflags(&mut attributes.0, flags as libc::c_short))?;
        }
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { libc::posix_spawnattr_destroy(&mut self.0) };
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn shell() -> Program {
        // A shell is a program whose bytes are at hand everywhere.
        let bytes = fs::read("/bin/sh").unwrap();
        Program::seal(c"shell", &bytes, &std::env::temp_dir()).unwrap()
    }

    #[test]
    fn a_sealed_program_runs_with_the_descriptors_it_was_handed() {
        let (mut read, write) = io::pipe().unwrap();
        let started =
            shell().start(&[c"sh", c"-c", c"echo $0-$PPID >&3"], &[write.as_fd()], None, true).unwrap();
        drop(write);

        let mut said = String::new();
        read.read_to_string(&mut said).unwrap();

        assert_eq!(said, format!("sh-{}\n", std::process::id()));
        while !started.pidfd.ended() {
            std::thread::yield_now();
        }
        assert_eq!(started.pidfd.reap().unwrap(), Some(0));
    }

    #[test]
    fn a_sealed_program_cannot_be_written() {
        let program = shell();
        let mut file = File::from(program.as_fd().try_clone_to_owned().unwrap());
        assert!(file.write(b"x").is_err());
        assert!(file.set_len(0).is_err());
    }

    #[test]
    fn its_errors_reach_the_descriptor_they_were_given() {
        let (mut read, write) = io::pipe().unwrap();
        let started =
            shell().start(&[c"sh", c"-c", c"echo bad >&2; exit 3"], &[], Some(write.as_fd()), false).unwrap();
        drop(write);
        let mut said = String::new();
        read.read_to_string(&mut said).unwrap();
        assert_eq!(said, "bad\n");
        while !started.pidfd.ended() {
            std::thread::yield_now();
        }
        assert_eq!(started.pidfd.reap().unwrap(), Some(3 << 8));
    }
}
