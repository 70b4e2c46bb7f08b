//! Programs of the operating system, with what they read, say and leave behind.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use libprocess::Runtime;
use libprocess::toolbox::subprocess::{Finished, Io, Limits, Program, Subprocess, SubprocessError};

use crate::probe::Node;

const LIMITS: Limits = Limits { within: Duration::from_secs(120), output_max: 64 << 10 };

fn shell(script: &str) -> Program {
    Program { args: vec!["-c".into(), script.into()], ..Program::new("sh") }
}

fn run(node: &Runtime, script: &str, input: &str, limits: Limits) -> Result<Finished, SubprocessError> {
    node.block_on(shell(script).run(node, input.into(), limits))
}

/// Whether nobody bears that number, or only somebody who has ended.
fn is_gone(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

/// Waits, for as long as it takes, until all of them are gone.
fn all_gone(node: &Runtime, ids: &[u32]) {
    node.block_on(async {
        for _ in 0..6_000 {
            if ids.iter().all(|&id| is_gone(id)) {
                return;
            }
            node.sleep(Duration::from_millis(10)).await;
        }
        panic!("some of {ids:?} live on");
    });
}

#[test]
fn a_program_is_fed_heard_and_reaped() {
    let node = Node::start();
    let done = run(&node.runtime, "tr a-z A-Z; echo oops >&2; exit 3", "hello", LIMITS).unwrap();
    assert_eq!((done.stdout, done.stderr), (b"HELLO".to_vec(), b"oops\n".to_vec()));
    assert_eq!((done.status.code(), done.truncated), (Some(3), false));

    let done = run(&node.runtime, "kill -TERM $$", "", LIMITS).unwrap();
    assert_eq!(done.status.signal(), Some(15));
}

#[test]
fn more_is_said_than_is_kept_and_more_is_given_than_is_read() {
    let node = Node::start();
    let limits = Limits { output_max: 1_000, ..LIMITS };
    let input = "x".repeat(1 << 20);
    let done = run(&node.runtime, "head -c 300000 /dev/zero", &input, limits).unwrap();
    assert_eq!((done.stdout.len(), done.truncated, done.status.success()), (1_000, true, true));
}

#[test]
fn who_cannot_start_says_why() {
    let node = Node::start();
    let nowhere = Program::new("/nowhere/at/all");
    let error = node.runtime.block_on(nowhere.run(&node.runtime, vec![], LIMITS)).unwrap_err();
    assert_eq!(error.to_string(), "failed to start /nowhere/at/all");
    assert!(matches!(Program::new("true").start(), Err(SubprocessError::NoReactor)));
}

/// A family of three, each in a way of its own; the numbers of all.
fn family(node: &Runtime) -> (Subprocess, Vec<u32>) {
    let script = "sleep 1000 & echo $!; setsid sh -c 'echo $$; exec sleep 1000' & sleep 1000 & echo $!; wait";
    node.block_on(async {
        let program = Program { stdout: Io::Pipe, ..shell(script) };
        let mut running = program.start().unwrap();
        let pipe = running.stdout.take().unwrap().into_nonblocking_fd().unwrap();
        rustix_blocking(&pipe);
        let lines = BufReader::new(std::fs::File::from(pipe)).lines();
        let mut ids: Vec<u32> = lines.take(3).map(|line| line.unwrap().parse().unwrap()).collect();
        ids.push(running.id());
        (running, ids)
    })
}

fn rustix_blocking(pipe: &impl std::os::fd::AsFd) {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    fcntl(pipe, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
}

#[test]
fn a_program_that_is_dropped_ends_with_all_it_started() {
    let node = Node::start();
    let (running, ids) = family(&node.runtime);
    assert!(ids.iter().all(|&id| !is_gone(id)));
    drop(running);
    all_gone(&node.runtime, &ids);
}

#[test]
fn a_program_that_takes_too_long_ends_with_all_it_started() {
    let node = Node::start();
    let limits = Limits { within: Duration::from_millis(200), ..LIMITS };
    let file = tempfile();
    let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
    let error = run(&node.runtime, &script, "", limits).unwrap_err();
    assert!(matches!(error, SubprocessError::TimedOut(_)), "{error}");
    // It may have been ended before it had started anything.
    if let Ok(text) = std::fs::read_to_string(&file) {
        all_gone(&node.runtime, &[text.trim().parse().unwrap()]);
        std::fs::remove_file(&file).unwrap();
    }
}

fn tempfile() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("libprocess-programs-{}", std::process::id()))
}

#[test]
fn what_a_program_leaves_behind_ends_with_it_and_what_is_detached_does_not() {
    let node = Node::start();
    let script = "sleep 1000 > /dev/null 2>&1 & echo $!";
    let done = run(&node.runtime, script, "", LIMITS).unwrap();
    let left: u32 = String::from_utf8(done.stdout).unwrap().trim().parse().unwrap();
    all_gone(&node.runtime, &[left]);

    let file = tempfile().with_extension("fifo");
    let script = format!("mkfifo {0}; read line < {0}; rm {0}", file.display());
    let id = node.runtime.block_on(async {
        let running = shell(&script).start().unwrap();
        let id = running.id();
        running.detach();
        while !file.exists() {
            node.runtime.sleep(Duration::from_millis(5)).await;
        }
        assert!(!is_gone(id));
        let path = file.clone();
        std::thread::spawn(move || std::fs::write(path, "go\n").unwrap()).join().unwrap();
        while file.exists() {
            node.runtime.sleep(Duration::from_millis(5)).await;
        }
        id
    });
    all_gone(&node.runtime, &[id]);
}
