//! Shells in tasks, and terminals of tasks, as a person uses them: through a terminal made here.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use agent_linux::terminal::{self, Window};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::scheduler::{Scheduler, task};
use crate::support::{HECTARE, Job, Running, get, wait_for};
use crate::{Cluster, err, hectare, out};

/// A `hectare` at a terminal.
struct Person {
    master: OwnedFd,
    typed: File,
    child: Child,
    read: Receiver<Vec<u8>>,
    seen: String,
}

impl Person {
    fn start(arguments: &[&str]) -> Person {
        let (master, slave) = terminal::open().expect("a terminal");
        terminal::resize(&master, Window { rows: 24, columns: 80 }).expect("it is one");
        let end = || Stdio::from(slave.try_clone().expect("a copy"));
        let child = Command::new(HECTARE)
            .args(arguments)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the binary starts");
        drop(slave);
        let mut reading = File::from(master.try_clone().expect("a copy"));
        let typed = File::from(master.try_clone().expect("a copy"));
        let (send, read) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                match reading.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(length) => drop(send.send(buffer[..length].to_vec())),
                    // Nothing yet; an error of another kind is the end of the terminal.
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    Err(_) => return,
                }
            }
        });
        Person { master, typed, child, read, seen: String::new() }
    }

    fn type_in(&mut self, keys: &str) {
        self.typed.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Waits until the screen shows `wanted`, and forgets what it showed up to there.
    fn sees(&mut self, wanted: &str) {
        loop {
            if let Some(at) = self.seen.find(wanted) {
                self.seen.drain(..at + wanted.len());
                return;
            }
            let piece = self.read.recv_timeout(Duration::from_secs(60));
            let piece = piece.unwrap_or_else(|_| panic!("waited for {wanted:?}, saw {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    fn resize(&self, rows: u16, columns: u16) {
        terminal::resize(&self.master, Window { rows, columns }).expect("it is one");
        // The kernel tells those who have it as their controlling terminal; this one was only given it.
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGWINCH);
    }

    fn ends(&mut self) -> ExitStatus {
        wait_for("it to end", || self.child.try_wait().expect("it is our child"))
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn running(address: &str) -> String {
    wait_for("the task to run", || {
        let tasks = get(address, "/tasks");
        let tasks = tasks["tasks"].as_array().expect("a list");
        let task = tasks.iter().find(|task| task["state"] == "TASK_RUNNING")?;
        task["id"].as_str().map(str::to_owned)
    })
}

#[test]
fn a_command_runs_beside_a_task_with_or_without_a_terminal() {
    let cluster = Running::local();
    let address = cluster.master();
    let flag = format!("--master={address}");
    let _run = Job::start(&[
        "run",
        &flag,
        "--name=long",
        "--no-follow",
        "--env=GREETING=hi",
        "--command=sleep 1000",
    ]);
    let id = running(&address);

    let said = hectare(&["exec", &flag, &id, "--", "sh", "-c", "echo $GREETING; echo bad >&2; exit 5"]);
    assert_eq!((said.status.code(), out(&said), err(&said)), (Some(5), "hi\n".into(), "bad\n".into()));
    let killed = hectare(&["exec", &flag, &id, "sh", "-c", "kill -9 $$"]);
    assert_eq!(killed.status.code(), Some(137));
    let missing = hectare(&["exec", &flag, &id, "--", "/no/such/program"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(err(&missing).contains("/no/such/program"), "{}", err(&missing));

    let mut piped = Command::new(HECTARE)
        .args(["exec", "-i", &flag, &id, "--", "wc", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    piped.stdin.take().expect("it is piped").write_all(&vec![b'x'; 500_000]).expect("it is read");
    let counted = piped.wait_with_output().expect("it ends");
    assert_eq!((counted.status.code(), out(&counted).trim().to_owned()), (Some(0), "500000".to_owned()));

    let mut person = Person::start(&["exec", "-it", &flag, &id, "--", "sh"]);
    person.type_in("stty size; echo $((6*7)) in $PWD\r");
    person.sees("24 80\r\n42 in /");
    person.resize(50, 132);
    person.type_in("until [ \"$(stty size)\" = '50 132' ]; do sleep 0.05; done; echo resi''zed\r");
    person.sees("resized\r\n");
    person.type_in("sleep 1000\r");
    person.sees("sleep 1000\r\n");
    // It may take a moment until the shell waits for it.
    std::thread::sleep(Duration::from_millis(300));
    person.type_in("\u{3}");
    person.type_in("echo inter''rupted\r");
    person.sees("interrupted\r\n");
    person.type_in("exit 3\r");
    assert_eq!(person.ends().code(), Some(3));

    let ended = hectare(&["attach", &flag, &id, "--no-stdin"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(err(&ended).contains("terminal"), "{}", err(&ended));
    let unknown = hectare(&["exec", &flag, "no-such-task", "--", "true"]);
    assert!(err(&unknown).contains("ps --all"), "{}", err(&unknown));
    assert_eq!(cluster.stop(), Some(0));
}

#[test]
fn a_task_s_terminal_is_left_and_come_back_to_over_an_agent_that_is_killed() {
    let mut cluster = Cluster::start();
    let flag = cluster.master_flag();
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    let mut pod = task("shell", "PS1='ready> ' exec sh -i");
    pod["container"] = serde_json::json!({"type": "MESOS", "tty_info": {}});
    scheduler.launch_group("pod", vec![pod]);
    scheduler.state("shell", "TASK_RUNNING");

    let mut person = Person::start(&["attach", &flag, "shell"]);
    person.type_in("A=kept; echo fi''rst\r");
    person.sees("first\r\n");
    person.type_in("\u{10}\u{11}");
    assert_eq!(person.ends().code(), Some(0), "it is left with Ctrl-P Ctrl-Q");

    cluster.kill_agent();
    cluster.start_agent();
    wait_for("the agent to be back", || {
        let agents = get(&cluster.address(), "/slaves");
        agents["slaves"][0]["active"].as_bool().filter(|active| *active)
    });
    let mut person = Person::start(&["attach", &flag, "shell"]);
    person.type_in("echo still $A\r");
    person.sees("still kept\r\n");
    person.type_in("exit 0\r");
    assert_eq!(person.ends().code(), Some(0));
    scheduler.state("shell", "TASK_FINISHED");
    let logs = hectare(&["logs", &flag, "shell"]);
    assert!(out(&logs).contains("still kept"), "{} {}", out(&logs), err(&logs));
}
