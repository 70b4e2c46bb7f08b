//! Pods, shells in tasks, terminals: with the real binary, and a scheduler that knows nothing but JSON over HTTP.

mod exec;
mod group;
mod limits;
mod scheduler;
#[path = "../support/mod.rs"]
mod support;

use std::process::{Command, Output, Stdio};

use support::{HECTARE, Running, free_port};

fn hectare(arguments: &[&str]) -> Output {
    Command::new(HECTARE).args(arguments).stdin(Stdio::null()).output().expect("the binary starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A master and an agent, each a process of its own, so that one can be killed.
struct Cluster {
    master: Running,
    agent: Option<Running>,
    flags: Vec<String>,
    scratch: tempfile::TempDir,
}

impl Cluster {
    fn start() -> Cluster {
        Cluster::with(&[])
    }

    /// One whose agent has these flags besides.
    fn with(more: &[&str]) -> Cluster {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let master = Running::start(&["master", "--port=0", "--registry=in_memory"]);
        let mut flags = vec![
            "agent".to_owned(),
            // Executors come back to the port they know.
            format!("--port={}", free_port()),
            format!("--master={}", master.address()),
            format!("--work_dir={}", scratch.path().join("work").display()),
            format!("--runtime_dir={}", scratch.path().join("run").display()),
            "--resources=cpus:8;mem:4096;disk:1024;ports:[31000-31100]".to_owned(),
            "--executor_reregistration_timeout=5secs".to_owned(),
        ];
        flags.extend(more.iter().map(|flag| (*flag).to_owned()));
        let mut cluster = Cluster { master, agent: None, flags, scratch };
        cluster.start_agent();
        cluster
    }

    fn start_agent(&mut self) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        self.agent = Some(Running::start(&flags));
    }

    /// As `kill -9` does; nothing takes its place yet.
    fn kill_agent(&mut self) {
        self.agent.take().expect("an agent runs").kill();
    }

    fn address(&self) -> String {
        self.master.address()
    }

    fn master_flag(&self) -> String {
        format!("--master={}", self.address())
    }

    /// Containers that have something in the runtime directory.
    fn containers(&self) -> usize {
        fn below(dir: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(dir.join("containers")).into_iter().flatten().flatten();
            entries.map(|entry| 1 + below(&entry.path())).sum()
        }
        below(&self.scratch.path().join("run"))
    }
}
