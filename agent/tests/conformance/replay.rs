//! Captured requests, asked here: what differs from the captured answers is noted.

use std::time::Duration;

use api_conformance::{Answer, Exchange};
use libprocess::http::{HeaderName, HeaderValue, Method, Request};
use serde_json::Value;

use crate::story::{GOLDEN, PATIENCE, Story};

impl Story<'_> {
    /// Replays all exchanges of a folder.
    pub(crate) async fn replay_all(&mut self, folder: &str) {
        for exchange in GOLDEN.folder(folder) {
            self.replay(folder, &exchange).await;
        }
    }

    /// Replays named exchanges of a folder, in this order.
    pub(crate) async fn replay_in_order(&mut self, folder: &str, names: &[&str]) {
        for name in names {
            self.replay(folder, &GOLDEN.one(folder, name)).await;
        }
    }

    /// Asks what the original was asked.
    pub(crate) async fn replay(&mut self, folder: &str, exchange: &Exchange) {
        let method = Method::from_bytes(exchange.method.as_bytes()).expect("a method");
        let mut request = self.request(method, &exchange.path);
        for (name, value) in &exchange.headers {
            request = request.header(&**name, value);
        }
        let answer = self.send(request.body(self.local(&exchange.body))).await;
        let place = format!("{folder}/{}", exchange.name);
        for line in answer.differences(exchange, |text| self.local(text)) {
            self.judge.note(&place, &line);
        }
        self.judge.replayed(&place);
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        Request::new(method, &format!("http://{}{path}", self.runtime.address()))
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        let mut response = self.runtime.client().send(request).await.expect("the agent listens");
        let body = response.bytes(16 << 20).await.expect("a whole answer").to_vec();
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned())
        };
        let headers = response.headers.iter().map(header).collect();
        Answer { status: response.status.as_u16(), headers, body }
    }

    /// What a path shows; nothing while it shows nothing.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.send(self.request(Method::GET, path)).await;
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    pub(crate) async fn state(&self) -> Value {
        self.read("/state").await
    }

    /// Waits until `/state` shows something.
    pub(crate) async fn until(&self, what: &str, shown: impl Fn(&Value) -> bool) {
        let end = self.runtime.now() + PATIENCE;
        while !shown(&self.state().await) {
            assert!(self.runtime.now() < end, "{what}? {:#}", self.state().await);
            self.runtime.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until every update has reached the master, and its thanks the agent.
    pub(crate) async fn until_acknowledged(&self) {
        let end = self.runtime.now() + PATIENCE;
        loop {
            let request = self.request(Method::POST, "/api/v1").header("Content-Type", "application/json");
            let request = request.header("Accept", "application/json").body(r#"{"type":"GET_TASKS"}"#);
            let tasks: Value = serde_json::from_slice(&self.send(request).await.body).expect("tasks");
            let tasks = &tasks["get_tasks"];
            let launched = tasks["launched_tasks"].as_array().into_iter().flatten();
            let mut said = launched.map(|task| task["status_update_state"] == task["state"]);
            if tasks["terminated_tasks"] == Value::Array(Vec::new()) && said.all(|said| said) {
                return;
            }
            assert!(self.runtime.now() < end, "updates are acknowledged? {tasks:#}");
            self.runtime.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the only executor's container runs, and gives its process.
    pub(crate) async fn executor_runs(&self) -> u64 {
        let end = self.runtime.now() + PATIENCE;
        loop {
            let containers = self.read("/containers").await;
            if let Some(pid) = containers[0]["status"]["executor_pid"].as_u64() {
                return pid;
            }
            assert!(self.runtime.now() < end, "an executor runs? {containers:#}");
            self.runtime.sleep(Duration::from_millis(5)).await;
        }
    }
}
