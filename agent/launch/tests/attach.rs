//! Input and output that pass through a supervisor: read and written by whoever attaches.

mod common;

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use agent_launch::isolation::Place;
use agent_launch::runtime_files::CONTROL;
use agent_launch::{
    KeptStdio, LaunchSpec, Outcome, PROTOCOL, Report, Request, Rotation, StatusRecord, Window,
};
use agent_linux::packet::{Packets, wait_readable, wait_readable_within};
use agent_linux::program::Started;
use common::supervise;
use libprocess_wire as wire;

const PIPES: KeptStdio = KeptStdio { terminal: None, input: true, logged: None, session: true };

struct Container {
    dir: tempfile::TempDir,
    started: Started,
    channel: Option<Packets>,
}

fn start(line: &str, stdio: KeptStdio) -> Container {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let spec = LaunchSpec {
        container: "c1".into(),
        runtime_dir: path(""),
        program: "/bin/sh".into(),
        argv: ["sh", "-c", line].map(str::to_owned).to_vec(),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        working_dir: path(""),
        credentials: None,
        stdout: Place::Trusted(path("stdout")),
        stderr: Place::Trusted(path("stderr")),
        stdio: Some(stdio),
        isolation: agent_launch::Isolation::default(),
    };
    let (started, channel) = supervise(dir.path(), &spec);
    let container = Container { dir, started, channel: Some(channel) };
    assert!(matches!(container.hear(), Report::Held(_)));
    container.say(&Request::Go);
    container
}

impl Container {
    fn hear(&self) -> Report {
        hear(self.channel.as_ref().unwrap()).expect("the channel is open")
    }

    fn say(&self, request: &Request) {
        say(self.channel.as_ref().unwrap(), request);
    }

    fn ended(&self) -> StatusRecord {
        loop {
            match self.hear() {
                Report::Ended(record) => return record,
                Report::Running => {}
                other => panic!("expected Ended, heard {other:?}"),
            }
        }
    }

    /// Attaches as an agent does; the answer, and the connection.
    fn attach(&self, input: bool, output: bool) -> (Report, Packets) {
        let line = Packets::connect(self.dir.path(), CONTROL).unwrap();
        say(&line, &Request::Hello { protocol: PROTOCOL });
        assert!(matches!(answer(&line), Report::Welcome(_)));
        say(&line, &Request::Attach { input, output });
        (answer(&line), line)
    }

    fn attached(&self) -> Packets {
        let (answer, line) = self.attach(true, true);
        assert_eq!(answer, Report::Attached);
        line
    }

    fn gone(&self) -> bool {
        wait_readable_within(&self.started.pidfd, Duration::from_secs(60)).unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            let _ = channel.send(&wire::encode(&Request::Destroy));
            let _ = channel.send(&wire::encode(&Request::Forget));
        }
    }
}

fn hear(line: &Packets) -> Option<Report> {
    wait_readable(&[line.as_fd()], None).unwrap();
    let message = line.receive().unwrap();
    (!message.is_empty()).then(|| wire::decode(&message).unwrap())
}

/// What is said in answer; what happens meanwhile is told too.
fn answer(line: &Packets) -> Report {
    loop {
        match hear(line).expect("the line is open") {
            Report::Running | Report::Ended(_) => {}
            answer => return answer,
        }
    }
}

fn say(line: &Packets, request: &Request) {
    line.send(&wire::encode(request)).unwrap();
}

/// Everything until the end: output, errors.
fn read_all(line: &Packets) -> (String, String) {
    let (mut output, mut said) = (Vec::new(), Vec::new());
    while let Some(report) = hear(line) {
        match report {
            Report::Output { errors: false, data } => output.extend(data),
            Report::Output { errors: true, data } => said.extend(data),
            other => panic!("expected Output, heard {other:?}"),
        }
    }
    (String::from_utf8(output).unwrap(), String::from_utf8(said).unwrap())
}

/// Reads until the output holds `wanted`.
fn read_until(line: &Packets, wanted: &str) -> String {
    let mut read = String::new();
    while !read.contains(wanted) {
        match hear(line) {
            Some(Report::Output { data, .. }) => read.push_str(&String::from_utf8_lossy(&data)),
            other => panic!("waited for {wanted:?}, heard {other:?} after {read:?}"),
        }
    }
    read
}

#[test]
fn a_session_reads_what_is_typed_and_keeps_output_and_errors_apart() {
    let container = start("echo early; cat; echo bad >&2; exit 4", PIPES);
    assert_eq!(container.hear(), Report::Running);
    let line = container.attached();
    say(&line, &Request::Input(b"typed\n".to_vec()));
    say(&line, &Request::InputEnds);
    assert_eq!(read_all(&line), ("early\ntyped\n".to_owned(), "bad\n".to_owned()));
    assert_eq!(container.ended().outcome, Outcome::Exited { status: 4 << 8, destroyed: false });
}

#[test]
fn a_session_that_ends_before_anybody_attached_is_read_all_the_same() {
    let container = start("echo short", PIPES);
    container.ended();
    container.say(&Request::Forget);
    let line = container.attached();
    assert_eq!(read_all(&line).0, "short\n");
    assert!(container.gone());
}

#[test]
fn a_session_ends_with_the_last_who_reads_it() {
    let container = start("trap '' HUP TERM; echo up; while :; do sleep 1; done", PIPES);
    let line = container.attached();
    read_until(&line, "up");
    drop(line);
    assert_eq!(container.ended().outcome, Outcome::Exited { status: 9, destroyed: true });
}

#[test]
fn much_output_comes_whole_at_the_pace_of_its_reader() {
    let container = start("head -c 3000000 /dev/zero | tr '\\0' x", PIPES);
    let line = container.attached();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(read_all(&line).0.len(), 3_000_000);
}

#[test]
fn much_input_comes_whole_at_the_pace_of_its_task() {
    let container = start("sleep 0.2; wc -c", PIPES);
    let line = container.attached();
    let piece = wire::encode(&Request::Input(vec![b'x'; 8000]));
    let mut sent = 0;
    while sent < 200 {
        match line.send(&piece) {
            Ok(()) => sent += 1,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{error}"),
        }
    }
    while line.send(&wire::encode(&Request::InputEnds)).is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(read_all(&line).0.trim(), "1600000");
}

#[test]
fn a_terminal_is_resized_interrupted_left_and_found_again() {
    let window = Window { rows: 24, columns: 80 };
    let stdio = KeptStdio {
        terminal: Some(window),
        input: true,
        logged: Some(Rotation { bytes_max: 0, kept_max: 0 }),
        session: false,
    };
    let script = "trap 'echo interrupted' INT; trap 'stty size' WINCH; stty -echo; tty >/dev/null && stty size; \
                  while :; do read line && echo got $line; done";
    let container = start(script, stdio);
    let line = container.attached();
    say(&line, &Request::Input(b"one\n".to_vec()));
    read_until(&line, "got one");
    // A shell that is just about to read looks at its traps only when it has: it is given a line for that.
    say(&line, &Request::Resize(Window { rows: 40, columns: 100 }));
    say(&line, &Request::Input(b"\n".to_vec()));
    read_until(&line, "40 100");
    say(&line, &Request::Input(b"\x03\n".to_vec()));
    read_until(&line, "interrupted");

    // One at a time types; any number read.
    let (answer, _) = container.attach(true, false);
    assert_eq!(answer, Report::Busy);
    let (answer, second) = container.attach(false, true);
    assert_eq!(answer, Report::Attached);
    say(&line, &Request::Input(b"two\n".to_vec()));
    read_until(&second, "got two");
    drop(line);

    // Whoever types next takes over.
    let line = loop {
        let (answer, line) = container.attach(true, true);
        if answer == Report::Attached {
            break line;
        }
    };
    say(&line, &Request::Input(b"three\n".to_vec()));
    read_until(&line, "got three");
    let log = fs::read_to_string(container.dir.path().join("stdout")).unwrap();
    assert!(log.contains("24 80\r\n") && log.contains("got two\r\n"), "{log:?}");
}

#[test]
fn output_without_a_reader_goes_to_its_files_which_are_set_aside() {
    let logged = Some(Rotation { bytes_max: 20_000, kept_max: 2 });
    let stdio = KeptStdio { terminal: None, input: false, logged, session: false };
    let container = start("read x || echo no input; seq 1 20000; echo bad >&2", stdio);
    container.ended();
    container.say(&Request::Forget);
    assert!(container.gone());
    let read = |name: &str| fs::read_to_string(container.dir.path().join(name)).unwrap();
    assert!(read("stdout").ends_with("20000\n"));
    for name in ["stdout", "stdout.1", "stdout.2"] {
        assert!(read(name).len() <= 20_000, "{name}");
    }
    assert!(!container.dir.path().join("stdout.3").exists());
    assert_eq!(read("stderr"), "bad\n");
}
