//! What the end-to-end tests share: the real binary as a child, and a Python with the client in it.

#![allow(dead_code, reason = "each test binary uses its own part of this module")]
#![allow(clippy::disallowed_methods, reason = "these tests watch real processes in real time")]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The binary under test.
pub(crate) const HECTARE: &str = env!("CARGO_BIN_EXE_hectare");

/// A running `hectare` whose first line on stdout was its addresses as JSON; ended by SIGTERM when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) facts: serde_json::Value,
}

impl Running {
    /// Starts `hectare ARGS --output=json` and waits for its line.
    pub(crate) fn start(args: &[&str]) -> Running {
        Running::started(args, &[])
    }

    /// The same with these variables besides.
    pub(crate) fn started(args: &[&str], variables: &[(&str, String)]) -> Running {
        let mut child = Command::new(HECTARE)
            .args(args)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .arg("--output=json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("stdout is text");
        let facts = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("`hectare {}` said {line:?}: {error}", args.join(" ")));
        // Whatever else it prints must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Running { child, facts }
    }

    /// A cluster in one process: a master and two agents on ports of their own.
    pub(crate) fn local() -> Running {
        Running::start(&["local", "--port=0"])
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `host:port` of the master.
    pub(crate) fn master(&self) -> String {
        self.fact("master")
    }

    /// `host:port` of the only part this process is.
    pub(crate) fn address(&self) -> String {
        self.fact("address")
    }

    fn fact(&self, name: &str) -> String {
        let Some(value) = self.facts[name].as_str() else { panic!("no {name:?} in {}", self.facts) };
        value.to_owned()
    }

    /// Its exit code, if it has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().expect("it is our child").map(|status| status.code().unwrap_or(-1))
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Asks it to end and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        signal(self.child.id(), "TERM");
        wait_for("the process to end", || self.child.try_wait().expect("it is our child")).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            signal(self.child.id(), "TERM");
            let patience = Instant::now() + Duration::from_secs(20);
            while Instant::now() < patience {
                if let Ok(Some(_)) = self.child.try_wait() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A `hectare run` in the background; ended with its test, and never heard of again.
pub(crate) struct Job(Child);

impl Job {
    pub(crate) fn start(arguments: &[&str]) -> Job {
        Job::printing_to(arguments, Stdio::null())
    }

    pub(crate) fn printing_to(arguments: &[&str], stdout: impl Into<Stdio>) -> Job {
        let mut command = Command::new(HECTARE);
        command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null());
        Job(command.spawn().expect("the binary starts"))
    }

    /// Its exit code, once it has one.
    pub(crate) fn code(&mut self) -> Option<i32> {
        wait_for("the job to end", || self.0.try_wait().expect("it is our child")).code()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(pid: u32, name: &str) {
    let name = match name {
        "TERM" => nix::sys::signal::Signal::SIGTERM,
        "INT" => nix::sys::signal::Signal::SIGINT,
        other => panic!("unknown signal {other}"),
    };
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), name);
}

/// A port that was free a moment ago, for what must come back on the same one.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until `check` has an answer; a minute is enough for anything here, however slow the machine.
pub(crate) fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < patience, "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// `GET http://ADDRESS/PATH`, as JSON.
pub(crate) fn get(address: &str, path: &str) -> serde_json::Value {
    let (status, body) = request(address, "GET", path, "");
    assert_eq!(status, 200, "GET {path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("GET {path} answered {body:?}: {error}"))
}

/// One HTTP/1.0 exchange, so that the body ends with the connection.
pub(crate) fn request(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    try_request(address, method, path, body)
        .unwrap_or_else(|error| panic!("{method} {address}{path}: {error}"))
}

/// The same with somebody who may be gone.
pub(crate) fn try_request(
    address: &str,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    use std::io::{Read, Write};
    let mut socket = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        socket,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    Ok((status, body.to_owned()))
}

/// Says why a test is not run here. In CI that is a failure: what it needs is installed there.
pub(crate) fn skip(test: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test} must run in CI, but {why}");
    eprintln!("skipped {test}: {why}");
}

/// The Python of a throw-away environment that holds unmodified `pymesos` 0.3.15 and the ZooKeeper client it uses, or
/// why there is none.
pub(crate) fn python_with_pymesos() -> Result<PathBuf, String> {
    // Tests run side by side; the environment is made once.
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON.get_or_init(make_python).clone()
}

fn make_python() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pymesos-kazoo");
    let python = home.join("bin/python");
    let ready = home.join("ready");
    if !ready.exists() {
        let _ = std::fs::remove_dir_all(&home);
        run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
        let pip = |args: &[&str]| run(Command::new(&python).args(["-m", "pip", "install", "-q"]).args(args));
        // Its C parser was released with code generated for older Pythons; generate that anew.
        pip(&["Cython<3", "setuptools<70", "wheel"])?;
        let sources = home.join("sources");
        run(Command::new(&python)
            .args(["-m", "pip", "download", "-q", "--no-deps", "--no-build-isolation", "--no-binary=:all:"])
            .args(["http-parser==0.9.0", "-d"])
            .arg(&sources))?;
        run(Command::new("tar").args(["xf", "http-parser-0.9.0.tar.gz"]).current_dir(&sources))?;
        let parser = sources.join("http-parser-0.9.0");
        run(Command::new(home.join("bin/cython")).arg("http_parser/parser.pyx").current_dir(&parser))?;
        run(Command::new(&python)
            .args(["-m", "pip", "install", "-q", "--no-build-isolation", "."])
            .current_dir(&parser))?;
        pip(&["pymesos==0.3.15", "kazoo==2.11.0"])?;
        std::fs::write(&ready, "").map_err(|error| error.to_string())?;
    }
    Ok(python)
}

/// The modules of a throw-away place that holds unmodified `mesos-framework` 0.5.3, or why there are none.
pub(crate) fn node_modules() -> Result<PathBuf, String> {
    run(Command::new("node").arg("--version"))?;
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mesos-framework");
    let ready = home.join("ready");
    if !ready.exists() {
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        run(Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&home)
            .arg("mesos-framework@0.5.3"))?;
        std::fs::write(&ready, "").map_err(|error| error.to_string())?;
    }
    Ok(home.join("node_modules"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?} did not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = said.lines().rev().take(5).collect();
    Err(format!(
        "{command:?} ended with {}: {}",
        output.status,
        tail.into_iter().rev().collect::<Vec<_>>().join(" | ")
    ))
}
