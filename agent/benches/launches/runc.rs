//! What others take for the same: `runc run` of `true` in a root of its own, in namespaces and cgroups.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::{Cost, FLIGHT, layer, spent};

/// `None`, with a word on why, where there is none.
pub(crate) fn runs(rounds: u32) -> Option<Cost> {
    let Ok(found) = Command::new("runc").arg("--version").stdout(Stdio::null()).status() else {
        println!("skipped: this machine has no runc to compare with");
        return None;
    };
    assert!(found.success());
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path());
    let run = |number: u32| {
        let done = Command::new("runc")
            .arg("--root")
            .arg(dir.path().join("state"))
            .args(["run", "--bundle"])
            .arg(dir.path())
            .arg(format!("bench-{}-{number}", std::process::id()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()
            .unwrap();
        assert!(done.status.success(), "runc: {}", String::from_utf8_lossy(&done.stderr));
    };
    run(0);
    let (start, before) = (Instant::now(), spent());
    let next = AtomicU32::new(1);
    std::thread::scope(|scope| {
        for _ in 0..FLIGHT {
            scope.spawn(|| {
                loop {
                    match next.fetch_add(1, Ordering::Relaxed) {
                        number if number <= rounds => run(number),
                        _ => break,
                    }
                }
            });
        }
    });
    Some(Cost::since(start, before, rounds))
}

/// A root with the same files, and the same namespaces and limits.
fn bundle(dir: &Path) {
    let root = dir.join("rootfs");
    fs::create_dir(&root).unwrap();
    tar::Archive::new(layer().bytes().as_slice()).unpack(&root).unwrap();
    let mounts = [("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "dev")];
    let mounts: Vec<_> = mounts
        .map(|(kind, place)| {
            let options: &[&str] = if kind == "sysfs" { &["ro"] } else { &[] };
            serde_json::json!({"destination": format!("/{place}"), "type": kind, "source": kind, "options": options})
        })
        .into();
    let namespaces = ["pid", "ipc", "mount"].map(|kind| serde_json::json!({"type": kind}));
    let config = serde_json::json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "cwd": "/", "env": ["PATH=/usr/bin:/bin"],
            "capabilities": {}, "noNewPrivileges": false,
        },
        "root": {"path": "rootfs", "readonly": false},
        "mounts": mounts,
        "linux": {
            "namespaces": namespaces,
            "resources": {
                "cpu": {"shares": 102}, "memory": {"limit": 32 << 20}, "pids": {"limit": 100},
            },
        },
    });
    fs::write(dir.join("config.json"), config.to_string()).unwrap();
}
