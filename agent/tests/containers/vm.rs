//! The same tests on kernels that have what this one lacks: in a virtual machine, whose first process runs them.
//!
//! ```text
//! this test ── archive of itself, the programs it runs, /init ──► QEMU ── serial line: what the tests say ──► this test
//! ```
//!
//! | guest | has |
//! |---|---|
//! | v2 | cgroup v2 alone; a disk of XFS, whose quotas hold projects |
//! | v1 | every controller on v1, first without v2, then with v2 beside them, which is hybrid |

mod cpio;
mod guest;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::machine::now;
use guest::{Guest, Run};

/// Names the kernel to boot; without it, one of this machine's own will do. The modules a guest needs are in the directory
/// `modules` beside it.
const KERNEL: &str = "HECTARE_VM_KERNEL";

/// How long a guest may take, on a machine that is busy with something else and computes each of its instructions.
const PATIENCE: Duration = Duration::from_secs(600);

/// How large the guest's disk is: the least that mkfs.xfs makes one of. Nearly all of it is never written.
const DISK: u64 = 320 << 20;

/// What is asked of every guest. Left out: what needs an interpreter that no guest has.
const TESTS: &str = "cgroups:: devices:: sets_apart:: --skip vm:: --skip who_listens --test-threads 4";

#[test]
fn the_same_holds_where_there_is_cgroup_v2_alone() {
    let Some(kernel) = possible(&["mkfs.xfs", "insmod"]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    File::create(&disk).unwrap().set_len(DISK).unwrap();
    assert!(Command::new("mkfs.xfs").arg("-q").arg(&disk).status().unwrap().success());
    let guest = Guest {
        modules: &[
            "virtio",
            "virtio_ring",
            "virtio_pci_legacy_dev",
            "virtio_pci_modern_dev",
            "virtio_pci",
            "virtio_blk",
            "libcrc32c",
            "xfs",
        ],
        runs: vec![Run {
            before: format!(
                "mount -t cgroup2 cgroup2 /sys/fs/cgroup
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo +$controller > /sys/fs/cgroup/cgroup.subtree_control
done
mkdir /xfs && mount -t xfs -o prjquota /dev/vda /xfs && export {}=/xfs",
                crate::quotas::PLACE
            ),
            tests: format!("quotas:: {TESTS}"),
        }],
    };
    let drive = format!("if=virtio,format=raw,file={}", disk.display());
    let passed = passes(&kernel, dir.path(), &guest, "cgroup_no_v1=all", &["-drive", &drive]);
    assert!(passed > 20, "the guest ran {passed} tests");
}

#[test]
fn the_same_holds_where_there_is_cgroup_v1_and_where_v2_is_beside_it() {
    let Some(kernel) = possible(&[]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let v1 = "mount -t tmpfs cgroups /sys/fs/cgroup
for controller in cpuset cpu,cpuacct blkio memory devices freezer net_cls,net_prio perf_event hugetlb pids; do
    mkdir /sys/fs/cgroup/$controller
    mount -t cgroup -o $controller cgroup /sys/fs/cgroup/$controller
done";
    let v2 = "mkdir /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified";
    let runs = [v1, v2].map(|before| Run { before: before.to_owned(), tests: TESTS.to_owned() });
    let guest = Guest { modules: &[], runs: runs.into() };
    let passed = passes(&kernel, dir.path(), &guest, "", &[]);
    assert!(passed > 40, "the guest ran {passed} tests");
}

/// Runs a guest, all of whose tests pass; how many those are.
fn passes(kernel: &Path, dir: &Path, guest: &Guest, parameters: &str, devices: &[&str]) -> usize {
    let archive = dir.join("guest.cpio");
    let modules = kernel.with_file_name("modules");
    std::fs::write(&archive, guest.archive(&modules).unwrap()).unwrap();
    let said = boot(kernel, &archive, parameters, devices);
    let text = said.join("\n");
    let passed = said.iter().filter(|line| line.starts_with("test ") && line.ends_with(" ok")).count();
    let failed: Vec<&str> =
        said.iter().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED")).collect();
    assert!(failed.is_empty(), "in the guest failed: {failed:?}\n{text}");
    let ended: Vec<&str> = said.iter().filter_map(|line| line.strip_prefix(guest::ENDED)).collect();
    assert_eq!(ended, vec!["0"; guest.runs.len()], "{text}");
    eprintln!("{passed} tests passed in the guest:\n{text}");
    passed
}

/// Runs a guest until it has said that it is done; all it said.
fn boot(kernel: &Path, archive: &Path, parameters: &str, devices: &[&str]) -> Vec<String> {
    let machine = "-machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1536 -nographic -no-reboot -nodefaults -serial stdio";
    let mut running = Running(
        Command::new("qemu-system-x86_64")
            .args(machine.split(' '))
            .args(devices)
            .arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(archive)
            .arg("-append")
            .arg(format!("console=ttyS0 loglevel=1 panic=-1 mitigations=off {parameters}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu starts"),
    );
    let output = BufReader::new(running.0.stdout.take().expect("it is piped"));
    let (tell, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in output.split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    let mut said: Vec<String> = Vec::new();
    let begun = now();
    loop {
        let left = PATIENCE.saturating_sub(now() - begun);
        match lines.recv_timeout(left) {
            Ok(line) => said.push(line),
            // The guest is gone, or will not come to an end: what it said tells.
            Err(_) => break,
        }
        if said.last().is_some_and(|line| line == guest::DONE) {
            break;
        }
    }
    drop(running);
    drop(lines);
    reader.join().expect("the reader ends with its guest");
    said
}

/// A virtual machine that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The kernel to boot; `None`, with a word on why, where there is none, or no virtual machine, or a program is missing.
fn possible(programs: &[&str]) -> Option<PathBuf> {
    let lacks = || {
        if !cfg!(target_arch = "x86_64") {
            return Err("guests are of x86_64".to_owned());
        }
        for program in ["qemu-system-x86_64"].iter().chain(programs) {
            guest::find(program).ok_or(format!("this machine has no {program}"))?;
        }
        if let Some(kernel) = std::env::var_os(KERNEL) {
            return Ok(kernel.into());
        }
        let boot = std::fs::read_dir("/boot").into_iter().flatten().flatten().map(|entry| entry.path());
        let kernels = boot.filter(|path| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"vmlinuz-"))
        });
        kernels.max().ok_or(format!("there is no kernel to boot: {KERNEL} is not set, and none is in /boot"))
    };
    let kernel: Result<PathBuf, String> = lacks();
    kernel
        .inspect_err(|why| {
            assert!(std::env::var_os("CI").is_none(), "a test is skipped in CI: {why}");
            eprintln!("skipped: {why}");
        })
        .ok()
}
