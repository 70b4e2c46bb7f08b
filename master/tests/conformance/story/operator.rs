//! The operator of the captures: what it does, and what it sees happen.

use std::time::Duration;

use libprocess::http::Method;
use serde_json::json;

use super::{PATIENCE, Story};

impl Story {
    /// Begins to read all that happens, as this stream did.
    pub(crate) async fn watch(&mut self, capture: &'static str) {
        let mut reading = self.open(capture).await;
        // From its first event on nothing is missed.
        reading.next().await.expect("the stream goes on");
        self.watched = Some(reading);
    }

    /// Compares all that has happened.
    pub(crate) async fn compare_watched(&mut self) {
        // What is seen of this framework is the last of it.
        let info = json!({"user": "root", "name": "nobody", "role": "*"});
        let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        let request =
            self.request(&Method::POST, "/api/v1/scheduler").header("Content-Type", "application/json");
        let last = self.runtime.client().send(request.body(call.to_string())).await.expect("an answer");
        assert_eq!(last.status.as_u16(), 200);
        let mut watched = self.watched.take().expect("somebody watches");
        while !watched.next().await.expect("the stream goes on").to_string().contains("\"nobody\"") {}
        watched.events.pop();
        drop(last);
        self.compare_stream(watched.capture, &watched.events);
    }

    /// The framework ends, and nothing of it is left.
    pub(crate) async fn framework_ends(&mut self) {
        self.until("the framework is gone", |state| state["frameworks"] == json!([])).await;
        // The allocator publishes its figures now and then.
        let end = self.runtime.now() + PATIENCE;
        while self.runtime.metrics().snapshot().contains_key("allocator/mesos/roles/roleA/shares/dominant") {
            assert!(self.runtime.now() < end, "its role is gone?");
            self.runtime.sleep(Duration::from_millis(5)).await;
        }
    }

    /// The agent has nothing left to do.
    pub(crate) async fn await_drained(&self) {
        self.until("the agent is drained", |state| state["slaves"][0]["drain_info"]["state"] == "DRAINED")
            .await;
    }
}
