//! A scheduler made of JSON and sockets: what any language has.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::request;

/// How long anything here may take on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Scheduler {
    master: String,
    framework: Value,
    stream: String,
    events: Receiver<Value>,
    /// Updates that were read while something else was waited for.
    updates: Vec<Value>,
}

impl Scheduler {
    pub(crate) fn subscribe(master: &str) -> Scheduler {
        let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": {
            "user": "root", "name": "pods", "checkpoint": true, "failover_timeout": 60.0, "roles": ["web"],
            "capabilities": [{"type": "PARTITION_AWARE"}, {"type": "TASK_KILLING_STATE"}, {"type": "MULTI_ROLE"}],
        }}})
        .to_string();
        let mut socket = TcpStream::connect(master).expect("the master listens");
        write!(
            socket,
            "POST /api/v1/scheduler HTTP/1.0\r\nHost: {master}\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nContent-Length: {}\r\n\r\n{call}",
            call.len()
        )
        .expect("the socket takes a request");
        let mut reader = BufReader::new(socket);
        let mut stream = String::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a head");
            if line.to_lowercase().starts_with("mesos-stream-id:") {
                stream = line.split_once(':').expect("a header").1.trim().to_owned();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let (send, events) = mpsc::channel();
        std::thread::spawn(move || {
            loop {
                let mut length = String::new();
                if reader.read_line(&mut length).unwrap_or(0) == 0 {
                    return;
                }
                let Ok(length) = length.trim().parse() else { return };
                let mut record = vec![0; length];
                if reader.read_exact(&mut record).is_err() {
                    return;
                }
                if send.send(serde_json::from_slice(&record).expect("JSON")).is_err() {
                    return;
                }
            }
        });
        let mut scheduler = Scheduler {
            master: master.to_owned(),
            framework: Value::Null,
            stream,
            events,
            updates: Vec::new(),
        };
        let subscribed = scheduler.next("SUBSCRIBED");
        scheduler.framework = subscribed["subscribed"]["framework_id"].clone();
        scheduler
    }

    fn call(&self, mut call: Value) {
        call["framework_id"] = self.framework.clone();
        let body = call.to_string();
        let mut socket = TcpStream::connect(&self.master).expect("the master listens");
        write!(
            socket,
            "POST /api/v1/scheduler HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Mesos-Stream-Id: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.master,
            self.stream,
            body.len()
        )
        .expect("the socket takes a call");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains(" 202 "), "{body}: {answer}");
    }

    /// The next event of a type; updates on the way are acknowledged and kept.
    fn next(&mut self, ty: &str) -> Value {
        let begun = now();
        loop {
            let left = PATIENCE.checked_sub(begun.elapsed()).unwrap_or_else(|| panic!("no {ty} in time"));
            let event = self.events.recv_timeout(left).unwrap_or_else(|error| panic!("no {ty}: {error}"));
            if event["type"] == "UPDATE" {
                let status = event["update"]["status"].clone();
                if status["uuid"].is_string() {
                    self.call(json!({"type": "ACKNOWLEDGE", "acknowledge": {
                        "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]}}));
                }
                self.updates.push(status);
            }
            if event["type"] == ty {
                return event;
            }
        }
    }

    /// Launches a pod on the next offer.
    pub(crate) fn launch_group(&mut self, executor: &str, tasks: Vec<Value>) {
        self.launch_group_on(executor, tasks, &[]);
    }

    /// The same with volumes, which are made for it: one for each task, while there are any.
    pub(crate) fn launch_group_on(&mut self, executor: &str, tasks: Vec<Value>, volumes: &[Value]) {
        let offers = self.next("OFFERS");
        let offer = &offers["offers"]["offers"][0];
        let agent = &offer["agent_id"];
        let tasks: Vec<Value> = tasks
            .into_iter()
            .enumerate()
            .map(|(number, mut task)| {
                task["agent_id"] = agent.clone();
                task["resources"] = resources(0.1, 32.0);
                let own = volumes.get(number).cloned();
                task["resources"].as_array_mut().expect("a list").extend(own);
                task
            })
            .collect();
        let plain = |volume: &Value| {
            let mut disk = volume.clone();
            disk.as_object_mut().expect("a resource").remove("disk");
            disk
        };
        let disk: Vec<Value> = volumes.iter().map(plain).collect();
        let mut operations = Vec::new();
        if !volumes.is_empty() {
            operations.push(json!({"type": "RESERVE", "reserve": {"resources": disk}}));
            operations.push(json!({"type": "CREATE", "create": {"volumes": volumes}}));
        }
        let info = json!({"type": "DEFAULT", "executor_id": {"value": executor},
            "framework_id": self.framework, "resources": resources(0.1, 32.0)});
        operations.push(json!({"type": "LAUNCH_GROUP", "launch_group": {
            "executor": info, "task_group": {"tasks": tasks}}}));
        self.call(json!({"type": "ACCEPT", "accept": {
            "offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0.0}, "operations": operations}}));
    }

    /// Launches one command task on the next offer.
    pub(crate) fn launch(&mut self, mut task: Value) {
        let offers = self.next("OFFERS");
        let offer = &offers["offers"]["offers"][0];
        task["agent_id"] = offer["agent_id"].clone();
        task["resources"] = resources(0.1, 32.0);
        self.call(json!({"type": "ACCEPT", "accept": {
            "offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0.0},
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}]}}));
    }

    pub(crate) fn kill(&self, task: &str) {
        self.call(json!({"type": "KILL", "kill": {"task_id": {"value": task}}}));
    }

    /// Waits for an update of a task that fits; earlier ones of that task are forgotten.
    pub(crate) fn update(&mut self, task: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let found = self.updates.iter().position(|status| status["task_id"]["value"] == task);
            match found.map(|at| self.updates.remove(at)) {
                Some(status) if fits(&status) => return status,
                Some(_) => {}
                None => drop(self.next("UPDATE")),
            }
        }
    }

    pub(crate) fn state(&mut self, task: &str, state: &str) -> Value {
        self.update(task, |status| {
            let terminal = [
                "TASK_FINISHED",
                "TASK_FAILED",
                "TASK_KILLED",
                "TASK_LOST",
                "TASK_GONE",
                "TASK_ERROR",
                "TASK_DROPPED",
            ];
            let ended = terminal.iter().any(|terminal| status["state"] == *terminal);
            assert!(!ended || status["state"] == state, "waited for {state}: {status}");
            status["state"] == state
        })
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.call(json!({"type": "TEARDOWN"}));
        }
    }
}

fn resources(cpus: f64, mem: f64) -> Value {
    json!([{"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}},
           {"name": "mem", "type": "SCALAR", "scalar": {"value": mem}},
           {"name": "disk", "type": "SCALAR", "scalar": {"value": 8.0}}])
}

/// A task of a shell line.
pub(crate) fn task(id: &str, line: &str) -> Value {
    json!({"name": id, "task_id": {"value": id}, "command": {"value": line}})
}

/// A persistent volume of the scheduler's role.
pub(crate) fn volume(id: &str, path: &str) -> Value {
    json!({"name": "disk", "type": "SCALAR", "scalar": {"value": 16.0},
        "reservations": [{"type": "DYNAMIC", "role": "web"}],
        "disk": {"persistence": {"id": id}, "volume": {"container_path": path, "mode": "RW"}}})
}

/// Asks an agent or master something, as JSON.
pub(crate) fn ask(address: &str, call: &Value) -> (u16, Value) {
    let (status, body) = request(address, "POST", "/api/v1", &call.to_string());
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

#[expect(clippy::disallowed_methods, reason = "these tests watch real processes in real time")]
fn now() -> Instant {
    Instant::now()
}
