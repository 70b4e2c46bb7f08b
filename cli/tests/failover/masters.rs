//! Masters on loopback, each with a directory that outlives it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{HECTARE, Running, free_port, get, request, wait_for};

pub(crate) struct Masters {
    pub(crate) addresses: Vec<String>,
    pub(crate) scratch: tempfile::TempDir,
    pub(crate) running: Vec<Option<Running>>,
}

impl Masters {
    /// Three that are told of each other.
    pub(crate) fn start() -> Masters {
        let mut masters = Masters::none();
        (0..3).for_each(|_| masters.put());
        (0..3).for_each(|number| masters.start_one(number));
        masters
    }

    pub(crate) fn none() -> Masters {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        Masters { addresses: Vec::new(), scratch, running: Vec::new() }
    }

    /// One more address, of a master that does not run yet.
    pub(crate) fn put(&mut self) {
        self.addresses.push(format!("127.0.0.1:{}", free_port()));
        self.running.push(None);
    }

    /// Starts one that is told of all addresses there are.
    pub(crate) fn start_one(&mut self, number: usize) {
        let list = self.list();
        self.start_with(number, &[&format!("--masters={list}")]);
    }

    pub(crate) fn start_with(&mut self, number: usize, more: &[&str]) {
        let flags = self.flags(number);
        let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        flags.extend(more);
        self.running[number] = Some(Running::start(&flags));
    }

    fn flags(&self, number: usize) -> Vec<String> {
        let port = self.addresses[number].rsplit(':').next().expect("a port");
        let dir = self.dir(number);
        vec!["master".to_owned(), format!("--port={port}"), format!("--work_dir={}", dir.display())]
    }

    /// What a master says that does not get as far as serving.
    pub(crate) fn fails(&self, number: usize, more: &[&str]) -> String {
        let output = Command::new(HECTARE).args(self.flags(number)).args(more).output();
        let output = output.expect("the binary starts");
        assert!(!output.status.success(), "it serves and ends well");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    pub(crate) fn dir(&self, number: usize) -> PathBuf {
        self.scratch.path().join(format!("master-{number}"))
    }

    pub(crate) fn kill(&mut self, number: usize) {
        self.running[number].take().expect("it runs").kill();
    }

    pub(crate) fn list(&self) -> String {
        self.addresses.join(",")
    }

    /// Which of those that run leads and is ready.
    pub(crate) fn leader(&self) -> usize {
        wait_for("a leader", || {
            (0..self.addresses.len()).find(|number| {
                self.running[*number].is_some()
                    && request(&self.addresses[*number], "GET", "/state", "").0 == 200
            })
        })
    }

    /// `hectare log …` about these masters.
    pub(crate) fn log(&self, words: &[&str]) -> Result<Value, String> {
        let master = format!("--master={}", self.list());
        log(&[words, &[&master]].concat())
    }

    /// Waits until so many vote and no change is under way; gives their node ids by address.
    pub(crate) fn voters(&self, many: usize) -> Vec<(String, String)> {
        wait_for("the voters", || {
            let members = self.log(&["members"]).ok()?;
            let list = members["members"].as_array()?;
            let voters: Vec<_> = list
                .iter()
                .filter(|member| member["role"] == "voter")
                .map(|member| (text(&member["address"]), text(&member["node"])))
                .collect();
            (voters.len() == many && list.len() == many && members["changing"] == false).then_some(voters)
        })
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// What `hectare log … --output=json` says, or its complaint.
pub(crate) fn log(words: &[&str]) -> Result<Value, String> {
    let output = Command::new(HECTARE).arg("log").args(words).arg("--output=json").output();
    let output = output.expect("the binary starts");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(serde_json::from_str(&said).unwrap_or(Value::String(said)))
}

/// An agent of these masters, with its directories in `scratch`.
pub(crate) fn agent(masters: &str, scratch: &Path) -> Running {
    let flags = [
        "agent".to_owned(),
        "--port=0".to_owned(),
        format!("--master={masters}"),
        format!("--work_dir={}", scratch.join("work").display()),
        format!("--runtime_dir={}", scratch.join("run").display()),
        "--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31100]".to_owned(),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Running::start(&flags)
}

/// The agent that is registered and active with the master at an address.
pub(crate) fn registered(address: &str) -> Option<String> {
    let (status, body) = request(address, "GET", "/slaves", "");
    let slaves: Value = serde_json::from_str(&body).ok().filter(|_| status == 200)?;
    let agent = slaves["slaves"].as_array()?.iter().find(|agent| agent["active"] == true)?;
    agent["id"].as_str().map(str::to_owned)
}

/// The id of an agent that is registered at an address, once it knows that itself.
pub(crate) fn known(agent: &Running, address: &str) -> String {
    wait_for("the agent", || {
        let id = registered(address)?;
        let (status, body) = request(&agent.address(), "GET", "/state", "");
        let state: Value = serde_json::from_str(&body).ok().filter(|_| status == 200)?;
        (state["id"] == *id).then_some(id)
    })
}

/// A figure of a master.
pub(crate) fn metric(address: &str, name: &str) -> f64 {
    get(address, "/metrics/snapshot")[name]
        .as_f64()
        .unwrap_or_else(|| panic!("no metric {name} at {address}"))
}
