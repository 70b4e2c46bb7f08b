//! The stage on which agents are killed, and what must not be left on it.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::json;

use crate::support::{self, HECTARE, Job, Running, free_port, get, request, try_request, wait_for};

/// Names a place to the agent; see `agent/src/failpoint.rs`.
const VARIABLE: &str = "HECTARE_KILLED_BEFORE";

/// A master, and a place for one agent after the other.
pub(crate) struct Stage {
    pub(crate) scratch: tempfile::TempDir,
    master: Running,
    pub(crate) address: String,
    /// The agents'.
    port: u16,
    flags: Vec<String>,
    groups: String,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let master = Running::start(&["master", "--port=0", "--registry=in_memory"]);
        let (address, port) = (master.address(), free_port());
        let groups =
            format!("hectare-killed-{}", scratch.path().file_name().expect("it has a name").display());
        let mut flags = vec![
            "agent".to_owned(),
            // Executors come back to where they were launched from.
            format!("--port={port}"),
            format!("--master={address}"),
            format!("--work_dir={}", scratch.path().join("work").display()),
            format!("--runtime_dir={}", scratch.path().join("run").display()),
            "--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31100]".to_owned(),
            "--executor_shutdown_grace_period=200ms".to_owned(),
        ];
        if nix::unistd::geteuid().is_root() {
            flags.push(format!("--cgroups_root={groups}"));
            flags.push(
                "--isolation=cgroups/cpu,cgroups/mem,cgroups/pids,filesystem/linux,namespaces/pid".to_owned(),
            );
        } else {
            support::skip("isolation of the agents that are killed", "only root may isolate");
        }
        Stage { scratch, master, address, port, flags, groups }
    }

    pub(crate) fn agent(&self) -> Running {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let agent = Running::start(&flags);
        wait_for("the agent to be registered", || {
            let slaves = get(&self.address, "/slaves");
            let all = slaves["slaves"].as_array().expect("a list");
            let here = |one: &serde_json::Value| {
                one["active"] == true
                    && one["pid"].as_str().is_some_and(|pid| pid.ends_with(&agent.address()))
            };
            all.iter().any(here).then_some(())
        });
        agent
    }

    /// One that will be killed before it does what `place` says.
    pub(crate) fn doomed(&self, place: &str) -> Doomed {
        let child = Command::new(HECTARE)
            .args(&self.flags)
            .env(VARIABLE, place)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        Doomed(child)
    }

    pub(crate) fn job(&self, number: usize, line: &str) -> Job {
        let (master, name, line) = (
            format!("--master={}", self.address),
            format!("--name=job-{number}"),
            format!("--command={line}"),
        );
        Job::start(&["run", &master, &name, "--no-follow", "--resources=cpus:0.1;mem:32", &line])
    }

    /// The framework of a job, as the master shows it.
    fn framework(&self, number: usize) -> Option<serde_json::Value> {
        let state = get(&self.address, "/state");
        let all = ["frameworks", "completed_frameworks"].map(|list| state[list].as_array().cloned());
        all.into_iter().flatten().flatten().find(|one| one["name"] == format!("hectare run job-{number}"))
    }

    /// What its task was told to have become, in that order; that a framework went is no update of an agent's.
    fn states(&self, number: usize) -> Vec<String> {
        let Some(framework) = self.framework(number) else { return Vec::new() };
        // Only the newer API says why a state was told.
        let (status, body) = request(&self.address, "POST", "/api/v1", r#"{"type": "GET_TASKS"}"#);
        assert_eq!(status, 200, "{body}");
        let known: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let lists = ["tasks", "completed_tasks", "unreachable_tasks"];
        let tasks = lists.iter().filter_map(|list| known["get_tasks"][*list].as_array()).flatten();
        let ours = tasks.filter(|task| task["framework_id"]["value"] == framework["id"]);
        let statuses = ours.filter_map(|task| task["statuses"].as_array()).flatten();
        let updates = statuses.filter(|status| status["reason"] != "REASON_FRAMEWORK_REMOVED");
        updates.filter_map(|status| status["state"].as_str()).map(str::to_owned).collect()
    }

    pub(crate) fn runs(&self, number: usize) {
        wait_for("the task to run", || {
            self.states(number).contains(&"TASK_RUNNING".to_owned()).then_some(())
        });
    }

    pub(crate) fn agent_address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What an agent answers to a call of the operator API.
    pub(crate) fn asked(&self, kind: &str, field: &str, call: &serde_json::Value) -> std::io::Result<u16> {
        let body = json!({"type": kind, field: call}).to_string();
        try_request(&self.agent_address(), "POST", "/api/v1", &body).map(|(status, _)| status)
    }

    pub(crate) fn tear_down(&self, number: usize) {
        let framework = self.framework(number).expect("it is there");
        let id = framework["id"].as_str().expect("an id");
        let (status, body) = request(&self.address, "POST", "/teardown", &format!("frameworkId={id}"));
        assert_eq!(status, 200, "{body}");
    }

    /// The story of a task is one, whatever happened to its agent: no state comes twice, none after one that follows it.
    pub(crate) fn told(&self, place: &str, number: usize, wanted: &[&str]) {
        let states = self.states(number);
        let rank = |state: &String| match &**state {
            "TASK_STAGING" => 0,
            "TASK_STARTING" => 1,
            "TASK_RUNNING" => 2,
            _ => 3,
        };
        assert!(
            states.is_sorted_by(|one, next| rank(one) < rank(next)),
            "killed before '{place}': {states:?}"
        );
        assert_eq!(states.last().map(rank), Some(3), "killed before '{place}': {states:?}");
        for state in wanted {
            let told = states.iter().any(|told| told == state);
            assert!(told, "killed before '{place}', {state} is not among {states:?}");
        }
    }

    /// Neither on the machine nor in the master's books.
    pub(crate) fn nothing_is_left(&self, place: &str) {
        let what = |what: &str| format!("killed before '{place}', {what} to be gone");
        wait_for(&what("runtime directories"), || {
            let containers = self.scratch.path().join("run/containers");
            (fs::read_dir(containers).map_or(0, Iterator::count) == 0).then_some(())
        });
        wait_for(&what("groups"), || self.containers_groups().is_empty().then_some(()));
        wait_for(&what("processes"), || self.processes().is_empty().then_some(()));
        let scratch = self.scratch.path().display().to_string();
        let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("it is text");
        wait_for(&what("mounts"), || (!mounts().contains(&scratch)).then_some(()));
        wait_for(&what("what the master counts"), || {
            let used = get(&self.address, "/metrics/snapshot")["master/cpus_used"].as_f64();
            used.filter(|used| *used == 0.0)
        });
    }

    /// Groups of containers; the agent's own directory and its supervisors' are none.
    fn containers_groups(&self) -> Vec<PathBuf> {
        let agents = self.roots().into_iter().flat_map(|root| directories(&root));
        agents.flat_map(|agent| directories(&agent)).filter(|dir| !dir.ends_with("supervisor")).collect()
    }

    /// Executors and tasks, which are in their sandboxes, and supervisors.
    fn processes(&self) -> Vec<String> {
        let agents = self.roots().into_iter().flat_map(|root| directories(&root));
        let supervisors =
            agents.filter_map(|agent| fs::read_to_string(agent.join("supervisor/cgroup.procs")).ok());
        let supervisors: Vec<String> =
            supervisors.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        self.inside().into_iter().chain(supervisors).collect()
    }

    /// Who is in a sandbox.
    pub(crate) fn inside(&self) -> Vec<String> {
        let of_all = fs::read_dir("/proc").expect("it is there").flatten().filter(|entry| {
            fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(self.scratch.path()))
        });
        of_all.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn roots(&self) -> Vec<PathBuf> {
        let table = fs::read_to_string("/proc/self/mountinfo").expect("it is text");
        let cgroups = table.lines().filter(|line| line.contains(" - cgroup"));
        let mounts = cgroups.filter_map(|line| line.split(' ').nth(4)).map(Path::new);
        mounts.map(|mount| mount.join(&self.groups)).filter(|root| root.exists()).collect()
    }

    /// An agent that is killed leaves its own directories to the next one, and there is none.
    pub(crate) fn sweep(self) {
        for root in self.roots() {
            for agent in directories(&root) {
                let _ = fs::remove_dir(agent.join("supervisor"));
                fs::remove_dir(&agent).expect("nothing is in it");
            }
            fs::remove_dir(&root).expect("nothing is in it");
        }
        drop(self.master);
    }
}

fn directories(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// An agent that is to be killed; ended with its test if that does not happen.
pub(crate) struct Doomed(Child);

impl Doomed {
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("it is our child")
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn dies(doomed: &mut Doomed, place: &str) {
    let status = wait_for(&format!("the agent to be killed before '{place}'"), || doomed.ended());
    assert_eq!(status.signal(), Some(9), "before '{place}': {status}");
}
