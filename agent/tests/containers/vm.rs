//! The same tests on a kernel that has cgroup v2 alone: in a virtual machine, whose first process runs them.
//!
//! ```text
//! this test ── archive of itself, the programs it runs, /init ──► QEMU ── serial line: what the tests say ──► this test
//! ```

mod cpio;
mod guest;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::machine::now;

/// Names the kernel to boot; without it, one of this machine's own will do.
const KERNEL: &str = "HECTARE_VM_KERNEL";

/// How long a guest may take, on a machine that is busy with something else and computes each of its instructions.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is asked of v2. Left out: what needs an interpreter that no guest has.
const TESTS: &str = "cgroups:: devices:: sets_apart:: --skip vm:: --skip who_listens --test-threads 4";

#[test]
fn the_same_holds_where_there_is_cgroup_v2_alone() {
    let kernel = match possible() {
        Ok(kernel) => kernel,
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "a test is skipped in CI: {why}");
            return eprintln!("skipped: {why}");
        }
    };
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("guest.cpio");
    std::fs::write(&archive, guest::archive(TESTS).unwrap()).unwrap();
    let said = boot(&kernel, &archive);
    let text = said.join("\n");
    let passed = said.iter().filter(|line| line.starts_with("test ") && line.ends_with(" ok")).count();
    let failed: Vec<&str> =
        said.iter().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED")).collect();
    assert!(failed.is_empty(), "in the guest failed: {failed:?}\n{text}");
    assert_eq!(said.last().map(String::as_str), Some(format!("{}0", guest::ENDED).as_str()), "{text}");
    assert!(passed > 20, "the guest ran {passed} tests:\n{text}");
    eprintln!("{passed} tests passed in the guest:\n{text}");
}

/// Runs a guest until it has said that it is done; all it said.
fn boot(kernel: &Path, archive: &Path) -> Vec<String> {
    let machine = "-machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1536 -nographic -no-reboot -nodefaults -serial stdio";
    let mut guest = Guest(
        Command::new("qemu-system-x86_64")
            .args(machine.split(' '))
            .arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(archive)
            .args(["-append", "console=ttyS0 loglevel=1 panic=-1 cgroup_no_v1=all mitigations=off"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu starts"),
    );
    let output = BufReader::new(guest.0.stdout.take().expect("it is piped"));
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
        if said.last().is_some_and(|line| line.starts_with(guest::ENDED)) {
            break;
        }
    }
    drop(guest);
    drop(lines);
    reader.join().expect("the reader ends with its guest");
    said
}

/// A virtual machine that ends with this.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The kernel to boot, or what there is none for.
fn possible() -> Result<PathBuf, String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("guests are of x86_64".to_owned());
    }
    let found = Command::new("qemu-system-x86_64").arg("--version").stdout(Stdio::null()).status();
    found.map_err(|error| format!("qemu-system-x86_64 does not run: {error}"))?;
    if let Some(kernel) = std::env::var_os(KERNEL) {
        return Ok(kernel.into());
    }
    let boot = std::fs::read_dir("/boot").into_iter().flatten().flatten().map(|entry| entry.path());
    let kernels = boot
        .filter(|path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"vmlinuz-")));
    kernels.max().ok_or(format!("there is no kernel to boot: {KERNEL} is not set, and none is in /boot"))
}
