//! The framework of the captures: what it asks for, and what it is told.

use api::recordio::Decoder;
use libprocess::http::{Body, Method};
use serde_json::{Value, json};

use super::{Reading, Story};
use crate::golden::GOLDEN;

impl Story {
    /// Subscribes as the captured framework did when it opened this stream.
    pub(crate) async fn subscribe(&mut self, capture: &'static str) {
        self.offer = None;
        self.stream = Some(self.open(capture).await);
    }

    /// A captured call of the scheduler; its status is compared.
    pub(crate) async fn call(&mut self, place: &str) {
        self.send_call(place, |body| body).await;
    }

    /// The same, but what it leaves of an offer is not offered again before the framework revives. Theirs was captured
    /// within the half second for which the rest was refused.
    pub(crate) async fn call_and_refuse(&mut self, place: &str) {
        self.send_call(place, |body| body.replace("\"refuse_seconds\": 0.5", "\"refuse_seconds\": 3600"))
            .await;
    }

    async fn send_call(&mut self, place: &str, edit: impl Fn(String) -> String) {
        let (folder, name) = place.split_once('/').unwrap_or(("scheduler", place));
        let mut exchange = GOLDEN.one(folder, name);
        exchange.body = edit(exchange.body);
        self.replay_noting(folder, &exchange).await;
    }

    /// Launches a task of which only the stream was captured.
    pub(crate) async fn launch(&mut self, task: &Value) {
        self.await_offer().await;
        let offer = self.offer.take().expect("there is one");
        let mut task = task.clone();
        task["agent_id"] = json!({"value": format!("{}-S0", self.id)});
        task["resources"] = json!([
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}, "allocation_info": {"role": "roleA"}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}, "allocation_info": {"role": "roleA"}},
        ]);
        let accept = json!({
            "offer_ids": [{"value": offer}], "filters": {"refuse_seconds": 0.5},
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}],
        });
        self.submit(json!({"type": "ACCEPT", "accept": accept})).await;
    }

    /// Kills a task, of which only the outcome was captured.
    pub(crate) async fn kill(&self, task: &str) {
        self.submit(json!({"type": "KILL", "kill": {"task_id": {"value": task}}})).await;
    }

    /// Does not acknowledge this update until [`Story::release`].
    pub(crate) fn withhold(&mut self, task: &'static str, state: &'static str) {
        self.withheld = Some((task, state, None));
    }

    /// Acknowledges what was withheld.
    pub(crate) async fn release(&mut self) {
        if let Some((_, _, Some(status))) = self.withheld.take() {
            self.acknowledge(&status).await;
        }
    }

    /// Takes an offer aside, so that the next is waited for.
    pub(crate) async fn keep_offer(&mut self) -> Option<String> {
        self.await_offer().await;
        self.offer.take()
    }

    /// What the next call answers.
    pub(crate) fn use_offer(&mut self, offer: Option<String>) -> Option<String> {
        std::mem::replace(&mut self.offer, offer)
    }

    /// Everything that is free is on offer, in one offer, and this many tasks are left.
    pub(crate) async fn settle_offers(&mut self, tasks: usize) {
        self.await_offer().await;
        self.until("tasks are acknowledged", |state| {
            state["frameworks"][0]["tasks"].as_array().is_some_and(|left| left.len() == tasks)
        })
        .await;
        loop {
            self.until("what ended tasks held is on offer again", |state| {
                let agent = &state["slaves"][0];
                let cpus = |part: &str| agent[part]["cpus"].as_f64().unwrap_or_default();
                (cpus("offered_resources") + cpus("used_resources") - cpus("resources")).abs() < 1e-6
            })
            .await;
            let state = self.state().await;
            let offers = state["frameworks"][0]["offers"].as_array().cloned().unwrap_or_default();
            if let [offer] = &offers[..] {
                let id = &offer["id"];
                self.await_event(|event| event["offers"]["offers"][0]["id"]["value"] == *id).await;
                return;
            }
            // On a slow machine the last task ended after the rest was offered; once declined, all of it comes as one.
            self.decline(&offers, 0.0).await;
            self.await_offer().await;
        }
    }

    /// Declines all that is on offer, until the framework revives.
    pub(crate) async fn refuse_offers(&mut self) {
        let state = self.state().await;
        let offers = state["frameworks"][0]["offers"].as_array().cloned().unwrap_or_default();
        self.decline(&offers, 3600.0).await;
    }

    async fn decline(&mut self, offers: &[Value], refuse_seconds: f64) {
        self.offer = None;
        let ids: Vec<Value> = offers.iter().map(|offer| json!({"value": offer["id"]})).collect();
        let decline = json!({"offer_ids": ids, "filters": {"refuse_seconds": refuse_seconds}});
        self.submit(json!({"type": "DECLINE", "decline": decline})).await;
    }

    /// Reads events until there is an offer that nobody has answered.
    pub(crate) async fn await_offer(&mut self) {
        while self.offer.is_none() {
            self.read_event().await;
        }
    }

    /// Reads events until there is an inverse offer that nobody has answered.
    pub(crate) async fn await_inverse_offer(&mut self) {
        while self.inverse_offer.is_none() {
            self.read_event().await;
        }
    }

    /// Reads events until a task is in a state.
    pub(crate) async fn await_update(&mut self, task: &str, state: &str) {
        self.await_event(|event| {
            let status = &event["update"]["status"];
            status["task_id"]["value"] == task && status["state"] == state
        })
        .await;
    }

    /// Reads events until one of them, which may have been read before, is meant.
    pub(crate) async fn await_event(&mut self, meant: impl Fn(&Value) -> bool) {
        while !self.stream.as_ref().is_some_and(|stream| stream.events.iter().any(&meant)) {
            self.read_event().await;
        }
    }

    /// One event: offers are remembered, updates acknowledged.
    async fn read_event(&mut self) {
        let stream = self.stream.as_mut().expect("a scheduler reads its stream");
        let event = stream.next().await.expect("the stream goes on").clone();
        let id = |list: &Value| list[0]["id"]["value"].as_str().map(str::to_owned);
        match event["type"].as_str().unwrap_or_default() {
            "OFFERS" => self.offer = id(&event["offers"]["offers"]),
            "INVERSE_OFFERS" => self.inverse_offer = id(&event["inverse_offers"]["inverse_offers"]),
            "RESCIND" if self.offer.as_deref() == event["rescind"]["offer_id"]["value"].as_str() => {
                self.offer = None;
            }
            "UPDATE" if event["update"]["status"]["uuid"].is_string() => {
                let status = event["update"]["status"].clone();
                match &mut self.withheld {
                    Some((task, state, kept))
                        if status["task_id"]["value"] == *task && status["state"] == *state =>
                    {
                        *kept = Some(status);
                    }
                    _ => self.acknowledge(&status).await,
                }
            }
            "UPDATE_OPERATION_STATUS" => {
                let status = &event["update_operation_status"]["status"];
                if let Some(uuid) = status["uuid"]["value"].as_str() {
                    let heard = json!({
                        "agent_id": status["agent_id"], "operation_id": status["operation_id"], "uuid": uuid,
                    });
                    let kind = "ACKNOWLEDGE_OPERATION_STATUS";
                    self.submit(json!({"type": kind, "acknowledge_operation_status": heard})).await;
                }
            }
            _ => {}
        }
    }

    async fn acknowledge(&self, status: &Value) {
        let heard = json!({
            "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
        });
        self.submit(json!({"type": "ACKNOWLEDGE", "acknowledge": heard})).await;
    }

    /// A call that was not captured.
    async fn submit(&self, mut call: Value) {
        call["framework_id"] = json!({"value": format!("{}-0000", self.id)});
        let stream = &self.stream.as_ref().expect("somebody reads").name;
        let request =
            self.request(&Method::POST, "/api/v1/scheduler").header("Content-Type", "application/json");
        let answer = self.send(request.header("Mesos-Stream-Id", stream).body(call.to_string())).await;
        assert_eq!(answer.status, 202, "{call}");
    }

    /// Reads all that was said so far, and compares it with this stream.
    pub(crate) async fn compare_heard(&mut self, capture: &str) {
        // The answer to this question is the last of it.
        let unknown = json!({"tasks": [{"task_id": {"value": "nobody"}}]});
        self.submit(json!({"type": "RECONCILE", "reconcile": unknown})).await;
        let last = |event: &Value| event["update"]["status"]["task_id"]["value"] == "nobody";
        self.await_event(last).await;
        let stream = self.stream.as_mut().expect("somebody reads");
        stream.events.retain(|event| !last(event));
        let events = stream.events.clone();
        self.compare_stream(capture, &events);
    }

    /// Subscribes again under the same id: the old stream hears of it and ends.
    pub(crate) async fn fail_over(&mut self, capture: &'static str) {
        let old = self.stream.take().expect("somebody reads");
        self.subscribe(capture).await;
        self.end_stream(old).await;
    }

    /// Ends the stream without a word.
    pub(crate) async fn disconnect(&mut self) {
        let capture = self.stream.as_ref().expect("somebody reads").capture;
        self.compare_heard(capture).await;
        if let Some(stream) = &mut self.stream {
            // Its name is still sent along.
            stream.body = Body::Empty;
        }
        self.until("the framework is away", |state| state["frameworks"][0]["connected"] == false).await;
    }

    /// Reads what is left of a stream that the master ends.
    pub(crate) async fn stream_ends(&mut self) {
        let old = self.stream.take().expect("somebody reads");
        // Its name is still sent along.
        self.stream = Some(Reading {
            runtime: old.runtime.clone(),
            capture: old.capture,
            name: old.name.clone(),
            body: Body::Empty,
            records: Decoder::new(0),
            events: Vec::new(),
        });
        self.end_stream(old).await;
    }

    async fn end_stream(&mut self, mut old: Reading) {
        assert!(GOLDEN.stream(old.capture).ended, "theirs went on");
        while old.next().await.is_some() {}
        self.compare_stream(old.capture, &old.events);
    }
}
