//! The same API in its other spelling.

use api::content::{self, MediaType};
use api::recordio::Decoder;
use api::v1::offer::{Operation, operation};
use api::v1::scheduler::{Call, Event, call, event};
use api::v1::{self, CommandInfo, FrameworkInfo, Resource, TaskInfo, value};
use libprocess::http::Body;

use crate::stage::{Cluster, play};

/// A scheduler that speaks protobuf.
struct Scheduler {
    stream: String,
    events: Body,
    records: Decoder,
}

impl Scheduler {
    async fn subscribe(cluster: &Cluster, info: FrameworkInfo) -> Scheduler {
        let call = Call {
            r#type: Some(call::Type::Subscribe as i32),
            subscribe: Some(call::Subscribe { framework_info: info, ..Default::default() }),
            ..Default::default()
        };
        let (status, stream, events) = send(cluster, &call, None).await;
        assert_eq!(status, 200);
        let stream = stream.expect("the stream has a name");
        Scheduler { stream, events, records: Decoder::new(1 << 20) }
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some(record) = self.records.next().expect("records are whole") {
                return content::decode_call(&record, MediaType::Protobuf).expect("an event");
            }
            self.records.push(self.events.next().await.expect("the stream goes on").expect("whole"));
        }
    }

    async fn until(&mut self, ty: event::Type) -> Event {
        loop {
            let event = self.next().await;
            if event.r#type == Some(ty as i32) {
                return event;
            }
        }
    }
}

async fn send(cluster: &Cluster, call: &Call, stream: Option<&str>) -> (u16, Option<String>, Body) {
    let protobuf = MediaType::Protobuf;
    cluster.send(protobuf.as_str(), content::encode(call, protobuf), stream).await
}

#[test]
fn a_scheduler_may_speak_protobuf_and_no_number_is_not_an_amount() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let info = FrameworkInfo { user: "u".to_owned(), name: "n".to_owned(), ..Default::default() };
        let mut scheduler = Scheduler::subscribe(cluster, info).await;
        let subscribed = scheduler.next().await.subscribed.expect("the first event");
        let offers = scheduler.until(event::Type::Offers).await.offers.expect("offers");
        let offer = &offers.offers[0];
        assert!(offer.allocation_info.is_none(), "who does not know of several roles sees none");
        assert!(offer.resources.iter().all(|resource| resource.allocation_info.is_none()));

        let cpus = |amount| Resource {
            name: "cpus".to_owned(),
            r#type: value::Type::Scalar as i32,
            scalar: Some(value::Scalar { value: amount }),
            ..Default::default()
        };
        let task = |name: &str, amount| TaskInfo {
            name: name.to_owned(),
            task_id: v1::TaskId { value: name.to_owned() },
            agent_id: offer.agent_id.clone(),
            resources: vec![cpus(amount)],
            command: Some(CommandInfo { value: Some("true".to_owned()), ..Default::default() }),
            ..Default::default()
        };
        let launch = operation::Launch {
            task_infos: vec![task("nan", f64::NAN), task("infinite", f64::INFINITY), task("good", 1.0)],
        };
        let operation = Operation {
            r#type: Some(operation::Type::Launch as i32),
            launch: Some(launch),
            ..Default::default()
        };
        let accept = call::Accept {
            offer_ids: vec![offer.id.clone()],
            operations: vec![operation],
            ..Default::default()
        };
        let call = Call {
            framework_id: Some(subscribed.framework_id),
            r#type: Some(call::Type::Accept as i32),
            accept: Some(accept),
            ..Default::default()
        };
        assert_eq!(send(cluster, &call, Some(&scheduler.stream)).await.0, 202);

        let mut heard = Vec::new();
        for _ in 0..3 {
            let status = scheduler.until(event::Type::Update).await.update.expect("an update").status;
            heard.push((status.task_id.value.clone(), v1::TaskState::try_from(status.state).expect("known")));
        }
        let expected = [
            ("nan", v1::TaskState::TaskError),
            ("infinite", v1::TaskState::TaskError),
            ("good", v1::TaskState::TaskRunning),
        ];
        assert_eq!(heard, expected.map(|(name, state)| (name.to_owned(), state)));
    });
}
