//! Masters that publish themselves in a real ZooKeeper, and everybody who looks for them there.
//!
//! Needs the class path of Debian's `libzookeeper-java` and a Java; each test starts a server of its own on loopback.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{HECTARE, Job, Running, free_port, get, request, wait_for};

/// All that ZooKeeper needs is in the manifest of this.
const CLASS_PATH: &str = "/usr/share/java/zookeeper.jar";

/// A ZooKeeper server, ended with its test.
struct ZooKeeper {
    port: u16,
    home: tempfile::TempDir,
    server: Option<Child>,
}

impl ZooKeeper {
    /// Errors: what this machine lacks.
    fn start() -> Result<ZooKeeper, String> {
        if !Path::new(CLASS_PATH).exists() {
            return Err(format!("there is no {CLASS_PATH}; Debian has it in libzookeeper-java"));
        }
        let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        java.map_err(|error| format!("java does not start: {error}"))?;
        let home = tempfile::tempdir().expect("a scratch directory");
        let mut zookeeper = ZooKeeper { port: quiet_port(), home, server: None };
        zookeeper.serve();
        Ok(zookeeper)
    }

    /// On what it knew before, if it is not the first time.
    fn serve(&mut self) {
        let home = self.home.path();
        let data = home.join("data");
        std::fs::create_dir_all(&data).expect("a directory");
        let config = home.join("zoo.cfg");
        // Sessions may be as short as two ticks.
        let text = format!(
            "tickTime=500\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n4lw.commands.whitelist=ruok,dump\n",
            data.display(),
            self.port
        );
        std::fs::write(&config, text).expect("a file");
        let server = Command::new("java")
            .args(["-Xmx64m", "-Dzookeeper.jmx.log4j.disable=true", "-cp", CLASS_PATH])
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.server = Some(server.expect("java started a moment ago"));
        wait_for("ZooKeeper", || (self.says("ruok")? == "imok").then_some(()));
    }

    /// As `kill -9` does.
    fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("it is our child");
            server.wait().expect("it is our child");
        }
    }

    fn forget(&self) {
        std::fs::remove_dir_all(self.home.path().join("data")).expect("its own directory");
    }

    fn url(&self) -> String {
        format!("zk://127.0.0.1:{}/mesos", self.port)
    }

    fn says(&self, word: &str) -> Option<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        socket.write_all(word.as_bytes()).ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// The nodes masters have published, by name.
    fn nodes(&self) -> Vec<String> {
        let sessions = self.says("dump").unwrap_or_default();
        let mut nodes: Vec<String> = sessions
            .lines()
            .filter_map(|line| Some(line.trim().strip_prefix("/mesos/")?.to_owned()))
            .collect();
        nodes.sort();
        nodes
    }

    /// Waits until one node is there and it is another than `before`.
    fn only_node(&self, before: &str) -> String {
        wait_for("the leader's node to be the only one", || match &self.nodes()[..] {
            [node] if node != before => Some(node.clone()),
            _ => None,
        })
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A free port below those the system gives to clients: who asks again and again whether a server is up could otherwise
/// be given the very port it asks, and talk to itself.
fn quiet_port() -> u16 {
    // Tests run side by side, and a server takes a while to take its port.
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 500) as u16 * 16;
    let mut ports = std::iter::repeat_with(|| first + TAKEN.fetch_add(1, Ordering::Relaxed)).take(1000);
    let free = ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("loopback has ports")
}

fn start(arguments: &[String]) -> Running {
    Running::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn agent(scratch: &Path, master: &str) -> Running {
    start(&[
        "agent".to_owned(),
        "--port=0".to_owned(),
        format!("--master={master}"),
        format!("--work_dir={}", scratch.join("work").display()),
        format!("--runtime_dir={}", scratch.join("run").display()),
        "--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31100]".to_owned(),
    ])
}

/// `hectare ARGUMENTS --output=json`, and what it says.
fn ask(arguments: &[&str]) -> Result<serde_json::Value, String> {
    let output = Command::new(HECTARE).args(arguments).arg("--output=json").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap_or_default()),
        false => Err(said),
    }
}

fn has_agent(address: &str) -> Option<()> {
    let (status, body) = request(address, "GET", "/slaves", "");
    let slaves: serde_json::Value = serde_json::from_str(&body).ok().filter(|_| status == 200)?;
    slaves["slaves"].as_array()?.iter().any(|agent| agent["active"] == true).then_some(())
}

#[test]
fn a_framework_that_exists_finds_the_leader_and_runs_its_tasks() {
    let mut zookeeper = match ZooKeeper::start() {
        Ok(zookeeper) => zookeeper,
        Err(why) => return support::skip("a framework and ZooKeeper", &why),
    };
    let python = match support::python_with_pymesos() {
        Ok(python) => python,
        Err(why) => return support::skip("a framework and ZooKeeper", &why),
    };
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let ours = zookeeper.url().replace("zk://", "zk://masters:secret@");
    let master = start(&[
        "master".to_owned(),
        "--port=0".to_owned(),
        "--registry=in_memory".to_owned(),
        format!("--zk={ours}"),
    ]);
    zookeeper.only_node("");
    let _agent = agent(scratch.path(), &ours);

    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let read = Command::new(&python)
        .arg(clients.join("zookeeper/read.py"))
        .arg(format!("127.0.0.1:{}/mesos", zookeeper.port))
        .output()
        .expect("Python starts");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let node: serde_json::Value = serde_json::from_slice(&read.stdout).expect("it prints JSON");
    let (ip, port) = (&node["info"]["address"]["ip"], &node["info"]["address"]["port"]);
    assert_eq!(format!("{}:{port}", ip.as_str().expect("a text")), master.address(), "{node}");
    assert_eq!(node["info"]["pid"], format!("master@{}", master.address()), "{node}");
    assert_eq!(node["info"]["version"], get(&master.address(), "/version")["version"], "{node}");
    assert_eq!(node["info"]["ip"], 0x0100_007f, "as old clients read it: {node}");
    assert_eq!(node["ephemeral"], true, "{node}");
    assert_eq!(node["strangers_may_delete"], false, "{node}");

    let executor = format!("exec {} {}", python.display(), clients.join("pymesos/executor.py").display());
    let output = Command::new(&python)
        .arg(clients.join("pymesos/scheduler.py"))
        .args([&zookeeper.url(), &executor])
        .output()
        .expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));

    // Ended in order, a master takes its node along.
    assert_eq!(
        get(&master.address(), "/flags")["flags"]["zk"],
        zookeeper.url().replace("zk://", "zk://masters:***@")
    );
    assert_eq!(master.stop(), Some(0));
    wait_for("the node to be gone", || zookeeper.nodes().is_empty().then_some(()));
    zookeeper.kill();
}

#[test]
fn whoever_leads_is_found_and_nobody_else() {
    let zookeeper = match ZooKeeper::start() {
        Ok(zookeeper) => zookeeper,
        Err(why) => return support::skip("failover and ZooKeeper", &why),
    };
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let addresses: Vec<String> = (0..3).map(|_| format!("127.0.0.1:{}", free_port())).collect();
    let begin = |number: usize| {
        start(&[
            "master".to_owned(),
            format!("--port={}", addresses[number].rsplit(':').next().expect("a port")),
            format!("--masters={}", addresses.join(",")),
            format!("--work_dir={}", scratch.path().join(format!("master-{number}")).display()),
            format!("--zk={}", zookeeper.url()),
        ])
    };
    let mut masters: Vec<Option<Running>> = (0..3).map(|number| Some(begin(number))).collect();
    let leads = |number: usize| request(&addresses[number], "GET", "/state", "").0 == 200;
    let leader =
        |running: &[usize]| wait_for("a leader", || running.iter().copied().find(|number| leads(*number)));
    let _agent = agent(scratch.path(), &zookeeper.url());
    let first = leader(&[0, 1, 2]);
    let node = zookeeper.only_node("");
    wait_for("the agent", || has_agent(&addresses[first]));
    let master = format!("--master={}", zookeeper.url());
    let gate = scratch.path().join("gate");
    let line = format!("--command=while [ ! -e {} ]; do sleep 0.05; done; exit 37", gate.display());
    let mut job = Job::start(&["run", &master, "--name=long", &line]);
    let runs = |number: usize| {
        let tasks = get(&addresses[number], "/tasks");
        tasks["tasks"].as_array()?.iter().any(|task| task["state"] == "TASK_RUNNING").then_some(())
    };
    wait_for("it to run", || runs(first));

    // The node of one that was killed does not wait for its session to expire.
    masters[first].take().expect("it runs").kill();
    let others: Vec<usize> = (0..3).filter(|number| *number != first).collect();
    let second = leader(&others);
    let node = zookeeper.only_node(&node);
    wait_for("the agent to be back", || has_agent(&addresses[second]));
    wait_for("its task to be known again", || runs(second));

    // One that was away while another was elected does not believe that it still leads.
    masters[first] = Some(begin(first));
    wait_for("three masters", || (request(&addresses[first], "GET", "/state", "").0 == 307).then_some(()));
    let pid = Pid::from_raw(masters[second].as_ref().expect("it runs").pid() as i32);
    kill(pid, Signal::SIGSTOP).expect("it is our child");
    let others: Vec<usize> = (0..3).filter(|number| *number != second).collect();
    let third = leader(&others);
    let node = zookeeper.only_node(&node);
    kill(pid, Signal::SIGCONT).expect("it is our child");
    wait_for("it to follow", || (request(&addresses[second], "GET", "/state", "").0 == 307).then_some(()));
    assert_eq!(zookeeper.nodes(), [node]);
    wait_for("the agent to be back", || has_agent(&addresses[third]));

    ask(&["ps", &master]).expect("the tools find the leader as well");
    std::fs::write(&gate, "").expect("the gate opens");
    assert_eq!(job.code(), Some(37), "its scheduler has followed");
}

#[test]
fn losing_zookeeper_harms_nobody_and_whoever_looks_there_finds_the_leader_again() {
    let mut zookeeper = match ZooKeeper::start() {
        Ok(zookeeper) => zookeeper,
        Err(why) => return support::skip("a lost ZooKeeper", &why),
    };
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let address = format!("127.0.0.1:{}", free_port());
    let master = start(&[
        "master".to_owned(),
        format!("--port={}", address.rsplit(':').next().expect("a port")),
        format!("--work_dir={}", scratch.path().join("master").display()),
        format!("--zk={}", zookeeper.url()),
        "--zk_session_timeout=1secs".to_owned(),
    ]);
    let found = format!("--master={}", zookeeper.url());
    let node = zookeeper.only_node("");
    let agent = agent(scratch.path(), &zookeeper.url());
    wait_for("the agent", || has_agent(&address));

    // Away for longer than a session lives: the node goes, and comes back with the master.
    let pid = Pid::from_raw(master.pid() as i32);
    kill(pid, Signal::SIGSTOP).expect("it is our child");
    wait_for("its session to expire", || zookeeper.nodes().is_empty().then_some(()));
    kill(pid, Signal::SIGCONT).expect("it is our child");
    zookeeper.only_node(&node);

    // Without a ZooKeeper everything goes on; only who looks there finds nobody, and is told so.
    zookeeper.kill();
    let named = format!("--master={address}");
    let mut job = Job::start(&["run", &named, "--", "true"]);
    assert_eq!(job.code(), Some(0));
    let refused = ask(&["ps", &found]).expect_err("there is nobody to ask");
    assert!(refused.contains("no leading master is found at zk://"), "{refused}");
    has_agent(&address).expect("it stays registered");

    // It comes back as it was, or knowing nothing.
    zookeeper.serve();
    wait_for("the leader to be found", || ask(&["ps", &found]).ok());
    zookeeper.kill();
    zookeeper.forget();
    zookeeper.serve();
    wait_for("the leader to be found", || ask(&["ps", &found]).ok());

    // A master that is started anew, elsewhere, is found by the agent.
    drop(master);
    let elsewhere = start(&[
        "master".to_owned(),
        "--port=0".to_owned(),
        "--registry=in_memory".to_owned(),
        format!("--zk={}", zookeeper.url()),
    ]);
    wait_for("the agent to move", || has_agent(&elsewhere.address()));
    drop(agent);
}
