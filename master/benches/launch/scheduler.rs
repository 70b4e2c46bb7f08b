//! A scheduler of the v1 API in protobuf. Calls go out on one connection without waiting for the answers to those before.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use api::content::{self, MediaType};
use api::recordio::Decoder;
use api::v1::offer::{Operation, operation};
use api::v1::scheduler::{Call, Event, call, event};
use api::v1::{self, CommandInfo, Filters, FrameworkInfo, Offer, Resource, TaskInfo, value};
use libprocess::Runtime;
use libprocess::http::{Body, Request};

const MEDIA: MediaType = MediaType::Protobuf;

/// What a task takes of an agent. Unit: cores and mebibytes.
pub(crate) const TASK: [(&str, f64); 2] = [("cpus", 0.01), ("mem", 1.0)];

pub(crate) struct Scheduler {
    framework: Option<v1::FrameworkId>,
    stream: String,
    events: Body,
    records: Decoder,
    calls: TcpStream,
    /// Calls that were made and not sent yet.
    out: Vec<u8>,
    made: usize,
    answers: JoinHandle<()>,
    answered: Arc<AtomicUsize>,
    offers: VecDeque<Offer>,
}

/// How many tasks there are, of one ACCEPT, and under way at once.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) tasks: usize,
    pub(crate) batch: usize,
    pub(crate) window: usize,
}

impl Scheduler {
    /// Opens the stream.
    pub(crate) async fn subscribe(runtime: &Runtime, master: SocketAddr) -> Scheduler {
        let info = FrameworkInfo {
            user: "root".to_owned(),
            name: "launch".to_owned(),
            roles: vec!["web".to_owned()],
            capabilities: [
                v1::framework_info::capability::Type::MultiRole,
                v1::framework_info::capability::Type::PartitionAware,
            ]
            .map(|ty| v1::framework_info::Capability { r#type: Some(ty as i32) })
            .to_vec(),
            ..FrameworkInfo::default()
        };
        let call = Call {
            r#type: Some(call::Type::Subscribe as i32),
            subscribe: Some(call::Subscribe { framework_info: info, ..Default::default() }),
            ..Call::default()
        };
        let request = Request::post(&format!("http://{master}/api/v1/scheduler"))
            .header("Content-Type", MEDIA.as_str())
            .header("Accept", MEDIA.as_str())
            .body(content::encode(&call, MEDIA));
        let response = runtime.client().send(request).await.expect("the master listens");
        assert_eq!(response.status, 200);
        let stream = response.headers.get("Mesos-Stream-Id").expect("it has a name");
        let stream = stream.to_str().expect("a text").to_owned();
        let calls = TcpStream::connect(master).expect("the master listens");
        calls.set_nodelay(true).expect("a socket");
        let answered: Arc<AtomicUsize> = Arc::default();
        let (reads, counts) = (calls.try_clone().expect("a socket"), answered.clone());
        Scheduler {
            framework: None,
            stream,
            events: response.body,
            records: Decoder::new(16 << 20),
            calls,
            out: Vec::new(),
            made: 0,
            answers: std::thread::spawn(move || read_answers(reads, &counts)),
            answered,
            offers: VecDeque::new(),
        }
    }

    /// Launches so many tasks and acknowledges the start of each; over when every call was answered.
    pub(crate) async fn play(&mut self, load: Load) {
        let (mut launched, mut started) = (0, 0);
        loop {
            while launched < load.tasks && launched - started < load.window {
                let Some(offer) = self.offers.pop_front() else { break };
                let count = load.batch.min(load.tasks - launched).min(room(&offer));
                self.accept(offer, launched, count);
                launched += count;
            }
            self.send();
            if started == load.tasks {
                break;
            }
            for event in self.read().await {
                if let Some(subscribed) = event.subscribed {
                    self.framework = Some(subscribed.framework_id);
                }
                self.offers.extend(event.offers.into_iter().flat_map(|offers| offers.offers));
                if let Some(update) = event.update {
                    started += 1;
                    self.acknowledge(update);
                }
            }
        }
        while self.answered.load(Ordering::Relaxed) < self.made {
            std::thread::yield_now();
        }
    }

    /// Waits until so many agents are offered.
    pub(crate) async fn offers(&mut self, agents: usize) {
        while self.offers.len() < agents {
            for event in self.read().await {
                if let Some(subscribed) = event.subscribed {
                    self.framework = Some(subscribed.framework_id);
                }
                self.offers.extend(event.offers.into_iter().flat_map(|offers| offers.offers));
            }
        }
    }

    /// Hangs up.
    pub(crate) fn end(self) {
        let _ = self.calls.shutdown(std::net::Shutdown::Both);
        self.answers.join().expect("every call was taken");
    }

    /// The next events, at least one.
    async fn read(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            while let Some(record) = self.records.next().expect("records are whole") {
                let event: Event = content::decode_call(&record, MEDIA).expect("an event");
                assert_ne!(event.r#type, Some(event::Type::Error as i32), "{event:?}");
                events.push(event);
            }
            if !events.is_empty() {
                return events;
            }
            self.records.push(self.events.next().await.expect("the stream goes on").expect("whole"));
        }
    }

    fn accept(&mut self, offer: Offer, from: usize, count: usize) {
        let tasks = (from..from + count).map(|number| task(number, &offer.agent_id)).collect();
        let launch = Operation {
            r#type: Some(operation::Type::Launch as i32),
            launch: Some(operation::Launch { task_infos: tasks }),
            ..Operation::default()
        };
        self.call(Call {
            r#type: Some(call::Type::Accept as i32),
            accept: Some(call::Accept {
                offer_ids: vec![offer.id],
                operations: vec![launch],
                filters: Some(Filters { refuse_seconds: Some(0.0) }),
            }),
            ..Call::default()
        });
    }

    fn acknowledge(&mut self, update: event::Update) {
        let status = update.status;
        self.call(Call {
            r#type: Some(call::Type::Acknowledge as i32),
            acknowledge: Some(call::Acknowledge {
                agent_id: status.agent_id.expect("agents say who they are"),
                task_id: status.task_id,
                uuid: status.uuid.expect("a start is to be acknowledged"),
            }),
            ..Call::default()
        });
    }

    fn call(&mut self, call: Call) {
        let call = content::encode(&Call { framework_id: self.framework.clone(), ..call }, MEDIA);
        let (media, stream, length) = (MEDIA.as_str(), &self.stream, call.len());
        let head = format!(
            "POST /api/v1/scheduler HTTP/1.1\r\nHost: master\r\nContent-Type: {media}\r\nMesos-Stream-Id: {stream}\r\nContent-Length: {length}\r\n\r\n"
        );
        self.out.extend_from_slice(head.as_bytes());
        self.out.extend_from_slice(&call);
        self.made += 1;
    }

    fn send(&mut self) {
        self.calls.write_all(&self.out).expect("the master listens");
        self.out.clear();
    }
}

/// How many tasks fit into an offer.
fn room(offer: &Offer) -> usize {
    let fits = TASK.map(|(name, amount)| {
        let there = offer.resources.iter().filter(|resource| resource.name == name);
        let there: f64 =
            there.filter_map(|resource| resource.scalar.as_ref()).map(|scalar| scalar.value).sum();
        (there / amount + 1e-6) as usize
    });
    fits.into_iter().min().unwrap_or(0)
}

fn task(number: usize, agent: &v1::AgentId) -> TaskInfo {
    let name = format!("service-{number}");
    TaskInfo {
        task_id: v1::TaskId { value: name.clone() },
        name,
        agent_id: agent.clone(),
        resources: TASK
            .map(|(name, value)| Resource {
                name: name.to_owned(),
                r#type: value::Type::Scalar as i32,
                scalar: Some(value::Scalar { value }),
                ..Resource::default()
            })
            .to_vec(),
        command: Some(CommandInfo { value: Some("sleep 1000".to_owned()), ..CommandInfo::default() }),
        ..TaskInfo::default()
    }
}

/// Counts answers, which have no body; one that is no 202 fails the bench.
fn read_answers(mut calls: TcpStream, answered: &AtomicUsize) {
    let (mut buffer, mut rest) = (vec![0; 64 * 1024], Vec::new());
    loop {
        let read = calls.read(&mut buffer).unwrap_or(0);
        if read == 0 {
            return;
        }
        rest.extend_from_slice(&buffer[..read]);
        let mut from = 0;
        while let Some(length) = rest[from..].windows(4).position(|end| end == b"\r\n\r\n") {
            let head = &rest[from..from + length];
            assert!(head.starts_with(b"HTTP/1.1 202 "), "{}", String::from_utf8_lossy(&rest[from..]));
            answered.fetch_add(1, Ordering::Relaxed);
            from += length + 4;
        }
        rest.drain(..from);
    }
}
