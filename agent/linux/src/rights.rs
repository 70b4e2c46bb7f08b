//! What a task may do: limits, capabilities, system calls. For single-threaded processes about to exec.

#![expect(unsafe_code, reason = "setrlimit by number, seccomp and interface flags have no safe wrapper")]

use std::ffi::CString;
use std::fs;
use std::io;

use caps::{CapSet, Capability, CapsHashSet};

/// Sets a limit of setrlimit(2) by its number; `None` is none.
///
/// Errors: a hard limit is raised without the right to.
pub fn limit(resource: u32, soft: Option<u64>, hard: Option<u64>) -> io::Result<()> {
    let number = |value: Option<u64>| value.unwrap_or(libc::RLIM_INFINITY);
    let limit = libc::rlimit { rlim_cur: number(soft), rlim_max: number(hard) };
    // SAFETY: the limit outlives the call; no old value is asked for.
    let done = unsafe {
        libc::syscall(
            libc::SYS_prlimit64,
            0,
            resource,
            &raw const limit,
            std::ptr::null_mut::<libc::rlimit>(),
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sets of capabilities, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What the task has.
    pub effective: u64,
    /// What it can ever have.
    pub bounding: u64,
}

/// The highest capability this kernel knows.
pub fn last_capability() -> u8 {
    let text = fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
    text.trim().parse().unwrap_or(40)
}

/// Drops everything from the bounding set but what is in `bounding`.
pub fn bound(bounding: u64) -> io::Result<()> {
    for capability in caps::all() {
        if bounding & bit(capability) == 0
            && caps::has_cap(None, CapSet::Bounding, capability).unwrap_or(false)
        {
            caps::drop(None, CapSet::Bounding, capability).map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// Keeps capabilities across a change of user, until the next exec.
pub fn keep_capabilities() -> io::Result<()> {
    Ok(nix::sys::prctl::set_keepcaps(true)?)
}

/// Makes `effective` what this process has, and what an exec of an ordinary program keeps.
pub fn hold(effective: u64) -> io::Result<()> {
    let wanted: CapsHashSet =
        caps::all().into_iter().filter(|capability| effective & bit(*capability) != 0).collect();
    let failed = |error: caps::errors::CapsError| io::Error::other(error.to_string());
    // Inheritable comes before permitted shrinks, ambient after both are there.
    caps::set(None, CapSet::Inheritable, &wanted).map_err(failed)?;
    caps::set(None, CapSet::Effective, &wanted).map_err(failed)?;
    caps::set(None, CapSet::Permitted, &wanted).map_err(failed)?;
    caps::clear(None, CapSet::Ambient).map_err(failed)?;
    for capability in wanted {
        caps::raise(None, CapSet::Ambient, capability).map_err(failed)?;
    }
    Ok(())
}

fn bit(capability: Capability) -> u64 {
    capability.bitmask()
}

/// From now on no program gains rights by being executed.
pub fn no_new_privileges() -> io::Result<()> {
    Ok(nix::sys::prctl::set_no_new_privs()?)
}

/// Loads a filter of system calls: instructions of 8 bytes, as the kernel reads them.
///
/// Errors: it is none; or we may not, having neither the right nor given up new ones.
pub fn filter_system_calls(program: &[u8]) -> io::Result<()> {
    if program.is_empty() || !program.len().is_multiple_of(8) || program.len() / 8 > 4096 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the filter is not one"));
    }
    let mut instructions: Vec<libc::sock_filter> = program
        .chunks_exact(8)
        .map(|bytes| libc::sock_filter {
            code: u16::from_ne_bytes([bytes[0], bytes[1]]),
            jt: bytes[2],
            jf: bytes[3],
            k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        })
        .collect();
    let filter = libc::sock_fprog { len: instructions.len() as u16, filter: instructions.as_mut_ptr() };
    // SAFETY: the kernel copies the program during the call, for which it is alive; it checks it itself.
    let done =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Undoes what an agent was spared from when memory runs out: a task is as good to kill as any other process.
pub fn reset_oom_score() -> io::Result<()> {
    fs::write("/proc/self/oom_score_adj", "0")
}

/// Names the machine, as this UTS namespace sees it.
pub fn set_hostname(name: &str) -> io::Result<()> {
    Ok(nix::unistd::sethostname(name)?)
}

/// Leaves the control group namespace for one whose root is where this process is.
pub fn own_cgroup_namespace() -> io::Result<()> {
    Ok(nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWCGROUP)?)
}

/// Turns the loopback interface of this network namespace on.
pub fn loopback_up() -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    let name = CString::new("lo").map_err(io::Error::other)?;
    // SAFETY: an all-zero ifreq is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.as_bytes()) {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    use std::os::fd::AsRawFd;
    // SAFETY: the socket is open and the request outlives the call.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The kernel's number of a capability, as in `CAP_SYS_ADMIN`.
pub fn capability_number(name: &str) -> Option<u8> {
    name.parse::<Capability>().ok().map(|capability| capability.index())
}
