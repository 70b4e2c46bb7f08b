//! Putting a task's own `/` together, in a mount namespace that ends with the task.
//!
//! ```text
//! layers ─► <dir>  ◄─ /proc, /sys read-only, /dev of its own, the sandbox; then whatever volumes there are
//! ```

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use agent_launch::isolation::{Content, Place, Root as Wanted};
use agent_linux::beneath::Directory;
use agent_linux::exact::{Node, Said};
use agent_linux::mounts;
use agent_linux::root::Root;

/// What everybody has in `/dev`. Shape: name, major, minor number of a character device.
const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Links in `/dev` that programs expect.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Where writing changes the machine rather than the container.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What tells of the machine's memory and other people's doings.
const MASKED: [&str; 5] =
    ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats"];

/// Mounts all of it at its directory; what volumes are mounted in.
pub(crate) fn assemble(wanted: &Wanted) -> Result<Root, String> {
    let dir = Path::new(&wanted.dir);
    let step = |what: &str, done: io::Result<()>| done.map_err(|error| format!("failed to {what}: {error}"));
    step(&format!("mount the root file system at {}", wanted.dir), mount(dir, &wanted.content))?;
    let root = Root::open(dir).map_err(|error| format!("failed to open the root file system: {error}"))?;
    let on = |name: &str, mount: &dyn Fn(&Path) -> io::Result<()>| {
        let place = root.directory(Path::new(name));
        let mounted = place.and_then(|place| mount(&mounts::by_descriptor(place.as_fd())));
        step(&format!("mount {name}"), mounted)
    };
    on("/proc", &|place| mounts::special("proc", place, ""))?;
    on("/sys", &mounts::devices_tree)?;
    on("/dev", &mounts::devices)?;
    step("fill /dev", fill(&root))?;
    on("/dev/pts", &mounts::terminals)?;
    on("/dev/shm", &|place| mounts::special("tmpfs", place, "mode=1777"))?;
    close(&root)?;
    on(&wanted.seen, &|place| match &wanted.sandbox {
        Place::Trusted(path) => mounts::bind(Path::new(path), place),
        Place::Beneath { within, path } => {
            let sandbox = Directory::open(Path::new(within))?.open_read(Path::new(path))?;
            mounts::bind(&mounts::by_descriptor(&sandbox), place)
        }
    })?;
    Ok(root)
}

fn mount(dir: &Path, content: &Content) -> io::Result<()> {
    match content {
        Content::Whole => {
            mounts::bind(dir, dir)?;
            mounts::make_deviceless(dir)
        }
        Content::ReadOnly { layer } => {
            mounts::bind(Path::new(layer), dir)?;
            mounts::make_deviceless(dir)?;
            mounts::make_read_only(dir)
        }
        Content::Overlay { layers, upper, work } => {
            let layers: Vec<PathBuf> = layers.iter().map(PathBuf::from).collect();
            mounts::overlay(&layers, Path::new(upper), Path::new(work), dir)
        }
    }
}

fn fill(root: &Root) -> io::Result<()> {
    let dev = Directory::from_owned(root.find(Path::new("/dev"))?);
    for (name, major, minor) in DEVICES {
        dev.create_node(Path::new(name), Node::Char(major, minor))?;
        dev.own_as(Path::new(name), &Said { uid: 0, gid: 0, mode: Some(0o666), modified: 0 })?;
    }
    for (name, target) in LINKS {
        dev.create_link(Path::new(name), Path::new(target))?;
    }
    Ok(())
}

/// Takes away what a task must not write, or see, of the machine.
fn close(root: &Root) -> Result<(), String> {
    let nothing =
        root.find(Path::new("/dev/null")).map_err(|error| format!("failed to find /dev/null: {error}"))?;
    let nothing = mounts::by_descriptor(nothing.as_fd());
    for (path, masked) in
        READ_ONLY.iter().map(|path| (path, false)).chain(MASKED.iter().map(|path| (path, true)))
    {
        // Not every kernel has all of them.
        let Ok(found) = root.find(Path::new(path)) else { continue };
        let found = mounts::by_descriptor(found.as_fd());
        let closed = match masked {
            true => mounts::bind(&nothing, &found),
            false => mounts::bind(&found, &found).and_then(|()| {
                let mounted = root.find(Path::new(path))?;
                mounts::make_read_only(&mounts::by_descriptor(mounted.as_fd()))
            }),
        };
        closed.map_err(|error| format!("failed to close {path}: {error}"))?;
    }
    Ok(())
}
