//! Who a user name is on this machine.

use std::ffi::CString;
use std::io;

/// What a process must become to run as somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub uid: u32,
    /// Their first group.
    pub gid: u32,
    /// All their groups.
    pub groups: Vec<u32>,
}

/// Looks a name up, with its groups.
///
/// Blocks: the answer may come from the network. A name that is not known is `Ok(None)`.
pub fn find(name: &str) -> io::Result<Option<Credentials>> {
    let Some(user) = nix::unistd::User::from_name(name).map_err(io::Error::from)? else { return Ok(None) };
    let name = CString::new(name).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let groups = nix::unistd::getgrouplist(&name, user.gid).map_err(io::Error::from)?;
    Ok(Some(Credentials {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        groups: groups.into_iter().map(|group| group.as_raw()).collect(),
    }))
}

/// The name of a user, if they have one.
pub fn name_of_user(uid: u32) -> Option<String> {
    Some(nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok()??.name)
}

/// The name of a group, if it has one.
pub fn name_of_group(gid: u32) -> Option<String> {
    Some(nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(gid)).ok()??.name)
}

/// The name of a user number, if it has one. Blocks like [`find`].
pub fn name(uid: u32) -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

/// The name of a group number, if it has one. Blocks like [`find`].
pub fn group_name(gid: u32) -> Option<String> {
    nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(gid)).ok().flatten().map(|group| group.name)
}

/// The user this process acts as.
pub fn effective() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Becomes somebody for good: groups, then group, then user. Only for single-threaded processes about to exec, or
/// helpers that do one thing.
///
/// Errors: we may not.
pub fn become_user(who: &Credentials) -> io::Result<()> {
    use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
    let groups: Vec<Gid> = who.groups.iter().copied().map(Gid::from_raw).collect();
    let (uid, gid) = (Uid::from_raw(who.uid), Gid::from_raw(who.gid));
    setgroups(&groups)?;
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    Ok(())
}

/// Does something to files with somebody's rights, and is oneself again. Only for single-threaded processes.
pub fn acting_as<T>(uid: u32, gid: u32, what: impl FnOnce() -> T) -> T {
    use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
    let group = setfsgid(Gid::from_raw(gid));
    let user = setfsuid(Uid::from_raw(uid));
    let done = what();
    setfsuid(user);
    setfsgid(group);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_zero_and_a_stranger_is_nobody() {
        assert_eq!(find("root").unwrap().unwrap().uid, 0);
        assert_eq!(find("no-such-user-here").unwrap(), None);
    }
}
