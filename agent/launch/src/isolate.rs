//! Carrying out what sets a task apart, in an order in which no step can undo another.

use std::fs;
use std::io::{self, PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use agent_launch::isolation::{Isolation, Mount, Namespace, Place, Propagation};
use agent_launch::{Credentials, LaunchSpec};
use agent_linux::beneath::{self, Directory};
use agent_linux::cgroup::Tree;
use agent_linux::child::{self, AllSignals, Side, Waited};
use agent_linux::pidfd::Pidfd;
use agent_linux::process::ProcessId;
use agent_linux::root::Root;
use agent_linux::{mounts, rights};

use crate::root;

/// What a task's process was given at its birth, for what it is to be inside of.
pub(crate) struct Inside {
    /// The files by which it enters the groups it was not born into.
    pub(crate) groups: Vec<String>,
    /// Where the first process of a pid namespace says how the task ended.
    pub(crate) ending: Option<PipeWriter>,
    /// Whose namespaces it enters.
    pub(crate) around: Option<Pidfd>,
}

/// Opens the container around this one; what is started from now on has its process numbers there, if it is to.
pub(crate) fn open_around(isolation: &Isolation) -> Result<Option<Pidfd>, String> {
    let Some(join) = &isolation.join else { return Ok(None) };
    let around = ProcessId { pid: join.pid, started: join.started };
    let pidfd = around.open().map_err(|error| format!("failed to find the container around it: {error}"))?;
    if join.numbers {
        child::join(&pidfd, &[child::Namespace::Pid])
            .map_err(|error| format!("failed to enter the pid namespace around it: {error}"))?;
    }
    Ok(Some(pidfd))
}

/// Splits; the child has what it is to have of its own, and is in its group of v2 from its first moment, where the kernel knows
/// how. Tells which groups it has to enter by itself, before anything else.
pub(crate) fn split(isolation: &Isolation) -> io::Result<(Side, Vec<String>)> {
    let own = namespaces(isolation);
    if let Some(tracking) = isolation.tracking.as_ref().filter(|tracking| !tracking.freezer) {
        let leaf = Path::new(&tracking.dir).join("leaf");
        let born = fs::File::open(&leaf).and_then(|leaf| child::split_into(&own, Some(leaf.as_fd())));
        // Otherwise entering it works, or says why not.
        if let Ok(side) = born {
            let others = isolation.cgroups.iter().filter(|file| Path::new(file).parent() != Some(&leaf));
            return Ok((side, others.cloned().collect()));
        }
    }
    Ok((child::split_into(&own, None)?, isolation.cgroups.clone()))
}

/// Enters the groups this process has yet to enter.
pub(crate) fn enter_groups(inside: &Inside) -> Result<(), String> {
    for file in &inside.groups {
        enter_group(file).map_err(|error| format!("failed to put the task into {file}: {error}"))?;
    }
    Ok(())
}

fn enter_group(file: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(file)?.write_all(b"0")
}

/// Moves this supervisor out of the agent's group.
pub(crate) fn leave_agent(isolation: &Isolation) -> Result<(), String> {
    let Some(file) = &isolation.supervisor_cgroup else { return Ok(()) };
    enter_group(file).map_err(|error| format!("failed to enter {file}: {error}"))
}

/// What of a split can be had at the split; a control group namespace comes later, when the groups are entered.
fn namespaces(isolation: &Isolation) -> Vec<child::Namespace> {
    let own = |namespace: &Namespace| match namespace {
        Namespace::Pid => Some(child::Namespace::Pid),
        // Inside of another container, that one's is entered first.
        Namespace::Mount => isolation.join.is_none().then_some(child::Namespace::Mount),
        Namespace::Ipc => Some(child::Namespace::Ipc),
        Namespace::Uts => Some(child::Namespace::Uts),
        Namespace::Network => Some(child::Namespace::Network),
        Namespace::Cgroup => None,
    };
    isolation.namespaces.iter().filter_map(own).collect()
}

/// The group whose processes are the container's, if it has one of its own.
pub(crate) fn tree(isolation: &Isolation) -> Option<Tree> {
    isolation.tracking.as_ref().map(|tracking| Tree::new(&tracking.dir, tracking.freezer))
}

/// The first steps, with all rights still there: what the task is to see. With a pid namespace, the process that returns
/// is a child of the one that was called, which stays behind as number one.
pub(crate) fn enter(spec: &LaunchSpec, inside: Inside) -> Result<(), String> {
    let isolation = &spec.isolation;
    let step = |what: &str, done: io::Result<()>| done.map_err(|error| format!("failed to {what}: {error}"));
    // Lowering it takes a right that an agent without root lacks; what it has then is what the task gets.
    let _ = rights::reset_oom_score();
    if let Some(around) = &inside.around {
        step("enter the namespaces around it", enter_around(isolation, around))?;
    }
    if isolation.has(Namespace::Cgroup) {
        step("make a cgroup namespace", rights::own_cgroup_namespace())?;
    }
    if isolation.has(Namespace::Mount) {
        let root = Path::new("/");
        step("close the mount namespace", mounts::propagate(root, mounts::Propagation::Slave, true))?;
        let root = isolation.root.as_ref().map(root::assemble).transpose()?;
        mount_all(spec, root.as_ref())?;
        if let Some(root) = &isolation.root {
            step(&format!("make {} the root", root.dir), mounts::change_root(Path::new(&root.dir)))?;
        }
    }
    if let (Some(name), true) = (&isolation.hostname, isolation.has(Namespace::Uts)) {
        step("set the host name", rights::set_hostname(name))?;
    }
    if isolation.has(Namespace::Network) {
        step("turn loopback on", rights::loopback_up())?;
    }
    match inside.ending {
        Some(ending) => step("start the container's first process", stay_as_init(ending)),
        None => Ok(()),
    }
}

fn enter_around(isolation: &Isolation, around: &Pidfd) -> io::Result<()> {
    use child::Namespace::{Cgroup, Ipc, Mount, Network, Uts};
    // What is its own already stays so. A root of its own is put together from what the host sees.
    let sees = isolation.root.is_none().then_some(Mount);
    let entered: Vec<child::Namespace> =
        [(Namespace::Ipc, Ipc), (Namespace::Uts, Uts), (Namespace::Network, Network)]
            .into_iter()
            .filter(|(own, _)| !isolation.has(*own))
            .map(|(_, entered)| entered)
            .chain([Cgroup])
            .chain(sees)
            .collect();
    child::join(around, &entered)?;
    if isolation.has(Namespace::Mount) {
        child::leave(&[Mount])?;
    }
    Ok(())
}

/// Limits and bounds, while there is still the right to set them.
pub(crate) fn bound(isolation: &Isolation) -> Result<(), String> {
    let step = |what: &str, done: io::Result<()>| done.map_err(|error| format!("failed to {what}: {error}"));
    for limit in &isolation.rlimits {
        let Some(hard) = limit.hard else {
            step(
                &format!("lift rlimit {}", limit.resource),
                rights::limit(limit.resource, limit.soft, None),
            )?;
            continue;
        };
        step(
            &format!("set rlimit {} to {hard}", limit.resource),
            rights::limit(limit.resource, limit.soft, Some(hard)),
        )?;
    }
    if !isolation.no_new_privileges {
        // Without giving up new rights only who has them all may be filtered: the profile must allow what is left to do.
        load_filters(isolation)?;
    }
    if let Some(capabilities) = &isolation.capabilities {
        step("bound the capabilities", rights::bound(capabilities.bounding))?;
        step("keep the capabilities", rights::keep_capabilities())?;
    }
    Ok(())
}

/// The last rights, once the task is who it is.
pub(crate) fn hold(isolation: &Isolation) -> Result<(), String> {
    let step = |what: &str, done: io::Result<()>| done.map_err(|error| format!("failed to {what}: {error}"));
    if let Some(capabilities) = &isolation.capabilities {
        step("set the capabilities", rights::hold(capabilities.effective))?;
    }
    if isolation.no_new_privileges {
        step("give up new privileges", rights::no_new_privileges())?;
        load_filters(isolation)?;
    }
    Ok(())
}

fn load_filters(isolation: &Isolation) -> Result<(), String> {
    for filter in &isolation.filters {
        rights::filter_system_calls(filter)
            .map_err(|error| format!("failed to load the filter of system calls: {error}"))?;
    }
    Ok(())
}

/// Splits; the child returns and goes on. The other one is number one from here on: it hands signals to the child, waits
/// for whoever is orphaned, says how the child ended, and takes all with it.
fn stay_as_init(ending: PipeWriter) -> io::Result<()> {
    // Before there is anybody to hand a signal to, so that none is lost; the child unblocks them for itself.
    let signals = AllSignals::hold()?;
    let Side::Parent { pid: task, .. } = child::split()? else { return Ok(()) };
    // The report must be closed here, or nobody learns of the exec; so is all else the task was given.
    child::set_stdio(&ending, &ending, &ending)?;
    drop(ending);
    let mut ending = child::inherited(0).map(PipeWriter::from);
    let _ = child::close_from(3);
    let _ = child::set_name(c"hectare-init");
    loop {
        while let Ok(Waited::Ended(ended)) = child::wait_any(false) {
            if ended.pid == task {
                if let Some(ending) = &mut ending {
                    let _ = ending.write_all(&ended.status.to_le_bytes());
                }
                std::process::exit(0);
            }
        }
        match signals.next() {
            Ok(signal) if signal != libc::SIGCHLD => drop(child::pass_on(task, signal)),
            _ => {}
        }
    }
}

fn mount_all(spec: &LaunchSpec, root: Option<&Root>) -> Result<(), String> {
    let staging = Path::new(&spec.runtime_dir);
    let secrets = spec.isolation.mounts.iter().any(|mount| matches!(mount, Mount::Secret { .. }));
    if secrets {
        // In this namespace alone; it hides the runtime directory while it is there.
        mounts::special("ramfs", staging, "mode=0755")
            .map_err(|e| format!("failed to mount secrets: {e}"))?;
    }
    for (index, mount) in spec.isolation.mounts.iter().enumerate() {
        let (what, done) = match mount {
            Mount::Bind { source, target, read_only, propagation } => {
                (target, bind(source, target, root, *read_only, *propagation))
            }
            Mount::Special { kind, target, options } => (target, special(kind, target, root, options)),
            Mount::Secret { target, content } => {
                let file = staging.join(index.to_string());
                (target, secret(&file, target, root, content, spec.credentials.as_ref()))
            }
        };
        done.map_err(|error| format!("failed to mount on {what}: {error}"))?;
    }
    if secrets {
        mounts::detach(staging).map_err(|e| format!("failed to put secrets out of sight: {e}"))?;
    }
    Ok(())
}

fn bind(
    source: &Place,
    target: &Place,
    root: Option<&Root>,
    read_only: bool,
    how: Propagation,
) -> io::Result<()> {
    let (source, directory) = match source {
        Place::Trusted(path) => (Held::Path(path.into()), fs::metadata(path)?.is_dir()),
        Place::Beneath { within, path } => {
            let file = Directory::open(Path::new(within))?.open_read(Path::new(path))?;
            let directory = file.metadata()?.is_dir();
            (Held::Fd(file.into()), directory)
        }
    };
    let held = hold_target(target, root, directory)?;
    mounts::bind(&source.path(), &held.path())?;
    // From here on the target's name leads to what was mounted, which the old descriptor does not.
    let mounted = hold_target(target, root, directory)?;
    if read_only {
        mounts::make_read_only(&mounted.path())?;
    }
    match how {
        // Both: as the source is.
        Propagation::Both => mounts::propagate(&mounted.path(), mounts::Propagation::Shared, true),
        Propagation::HostToContainer => mounts::propagate(&mounted.path(), mounts::Propagation::Slave, true),
        Propagation::Private => mounts::propagate(&mounted.path(), mounts::Propagation::Private, true),
    }
}

fn special(kind: &str, target: &Place, root: Option<&Root>, options: &str) -> io::Result<()> {
    let held = hold_target(target, root, true)?;
    mounts::special(kind, &held.path(), options)
}

fn secret(
    file: &Path,
    target: &Place,
    root: Option<&Root>,
    content: &[u8],
    who: Option<&Credentials>,
) -> io::Result<()> {
    let mut written = fs::File::create_new(file)?;
    written.write_all(content)?;
    beneath::set_mode(&written, 0o400)?;
    if let Some(who) = who {
        beneath::give(&written, who.uid, who.gid)?;
    }
    let source = Place::Trusted(file.display().to_string());
    bind(&source, target, root, true, Propagation::Private)
}

/// Something a mount is made of or on.
enum Held {
    Path(PathBuf),
    Fd(OwnedFd),
}

impl Held {
    fn path(&self) -> PathBuf {
        match self {
            Self::Path(path) => path.clone(),
            Self::Fd(fd) => mounts::by_descriptor(fd.as_fd()),
        }
    }
}

/// Opens the place something is mounted on; beneath a tree, or in a root of one's own, it is made if it is missing.
fn hold_target(target: &Place, root: Option<&Root>, directory: bool) -> io::Result<Held> {
    match target {
        Place::Trusted(path) => match root {
            None => Ok(Held::Path(path.into())),
            Some(root) if directory => Ok(Held::Fd(root.directory(Path::new(path))?)),
            Some(root) => Ok(Held::Fd(root.file(Path::new(path))?)),
        },
        Place::Beneath { within, path } => {
            let (tree, path) = (Directory::open(Path::new(within))?, Path::new(path));
            match tree.open_read(path) {
                Ok(file) => Ok(Held::Fd(file.into())),
                Err(error) if error.kind() == io::ErrorKind::NotFound && directory => {
                    tree.create_dir(path)?;
                    Ok(Held::Fd(tree.open_read(path)?.into()))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    tree.create(path, 0o644)?;
                    Ok(Held::Fd(tree.open_read(path)?.into()))
                }
                Err(error) => Err(error),
            }
        }
    }
}
