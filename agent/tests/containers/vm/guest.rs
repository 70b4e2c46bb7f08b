//! What a guest is made of: these very tests, the programs they run, and a first process that runs them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::cpio::Archive;

/// What the tests' command lines use, beside what the guest's start needs.
const PROGRAMS: [&str; 14] = [
    "sh", "bash", "cat", "head", "grep", "ls", "mkdir", "mknod", "mount", "setsid", "sleep", "stat", "touch",
    "ip",
];

/// How the guest says that a run of the tests has ended, and how.
pub(crate) const ENDED: &str = "guest: the tests ended with ";
/// How the guest says that all have.
pub(crate) const DONE: &str = "guest: done";

/// What a guest is to do.
pub(crate) struct Guest {
    /// Modules its kernel is given first, in this order.
    pub(crate) modules: &'static [&'static str],
    pub(crate) runs: Vec<Run>,
}

/// One run of the tests.
pub(crate) struct Run {
    /// Shell lines that come before.
    pub(crate) before: String,
    /// How the tests' program is called.
    pub(crate) tests: String,
}

impl Guest {
    /// The guest's first file system; its kernel's modules lie in `modules`.
    ///
    /// Errors: a program or a module this machine lacks.
    pub(crate) fn archive(&self, modules: &Path) -> Result<Vec<u8>, String> {
        let mut archive = Archive::default();
        for name in
            ["bin", "dev", "etc", "lib", "lib64", "proc", "root", "sys", "tmp", "mnt", "home", "modules"]
        {
            archive.directory(name);
        }
        for (name, target) in [("usr", "/"), ("sbin", "/bin"), ("var", "/tmp")] {
            archive.link(name, target);
        }
        archive.program("init", self.init().as_bytes());
        archive.program("etc/passwd", b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
        archive.program("etc/group", b"root:x:0:\nnogroup:x:65534:\n");
        for name in self.modules {
            let file = format!("{name}.ko");
            archive.program(&format!("modules/{file}"), &read(&modules.join(&file))?);
        }

        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut libraries = libraries(&own)?;
        archive.program("tests", &slim(&own)?);
        let inserts = (!self.modules.is_empty()).then_some("insmod");
        for name in PROGRAMS.into_iter().chain(inserts) {
            let path =
                find(name).ok_or(format!("this machine has no program '{name}' to put into a guest"))?;
            libraries.extend(self::libraries(Path::new(&path))?);
            archive.program(&format!("bin/{name}"), &read(Path::new(&path))?);
        }
        let mut folders = BTreeSet::from(["lib".to_owned(), "lib64".to_owned()]);
        for library in libraries {
            let name = library.trim_start_matches('/').trim_start_matches("usr/");
            let above: Vec<&str> = name.split('/').collect();
            for depth in 1..above.len() {
                let folder = above[..depth].join("/");
                if folders.insert(folder.clone()) {
                    archive.directory(&folder);
                }
            }
            archive.program(name, &read(Path::new(&library))?);
        }
        Ok(archive.finish())
    }

    /// On v2, controllers are handed down from the hierarchy's root, as systemd does for whom it delegates to. A mount of its
    /// own for `/` is what lets a container leave it.
    fn init(&self) -> String {
        let mut script = "#!/bin/sh
export PATH=/bin HOME=/root CI=true RUST_BACKTRACE=0
mount -t devtmpfs dev /dev && mkdir -p /dev/shm /dev/pts
exec >/dev/ttyS0 2>&1 </dev/null
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs shm /dev/shm; mount -t devpts pts /dev/pts
ip link set lo up
"
        .to_owned();
        for name in self.modules {
            script += &format!("insmod /modules/{name}.ko\n");
        }
        for Run { before, tests } in &self.runs {
            script += &format!("{before}\ncd /tmp\n/tests {tests}\necho \"{ENDED}$?\"\n");
        }
        script + &format!("echo \"{DONE}\"\nsleep 60\n")
    }
}

pub(crate) fn find(name: &str) -> Option<String> {
    let places = ["/bin", "/usr/bin", "/sbin", "/usr/sbin"].map(|folder| format!("{folder}/{name}"));
    places.into_iter().find(|path| Path::new(path).exists())
}

/// What a program is linked with, by path.
fn libraries(program: &Path) -> Result<BTreeSet<String>, String> {
    let said = Command::new("ldd").arg(program).output().map_err(|error| format!("ldd: {error}"))?.stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(said.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect())
}

/// A program without what only debuggers read; it is read into a small machine's memory.
fn slim(program: &Path) -> Result<Vec<u8>, String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let slim = dir.path().join("slim");
    let stripped = Command::new("strip").arg("-o").arg(&slim).arg(program).status();
    read(if stripped.is_ok_and(|status| status.success()) { &slim } else { program })
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}
