//! `/__processes__` and the watchdog, beside a process that holds its shard.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::http::Request;
use libprocess::{Actor, Config, Context, Handler, Message, Process, Reply, Runtime, Shard, Spawn, Upid};
use serde_json::Value;

enum Input {
    Link(Upid),
    Count(Reply<()>),
    /// Returns when somebody says so.
    Block(mpsc::Receiver<()>),
}

struct Field;

impl Message for Input {
    type Result = ();
}

impl Actor for Field {
    type Context = Context<Self>;
}

impl Process for Field {
    const KIND: &'static str = "field";
    type Input = Input;

    fn label(input: &Input) -> &'static str {
        match input {
            Input::Link(_) => "Link",
            Input::Count(_) => "Count",
            Input::Block(_) => "Block",
        }
    }
}

impl Handler<Input> for Field {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Link(peer) => ctx.link(&peer),
            Input::Count(reply) => reply.send(()),
            Input::Block(until) => until.recv().expect("the test says when"),
        }
    }
}

fn get(runtime: &Runtime, path: &str) -> (u16, String) {
    let request = Request::get(&format!("http://{}{path}", runtime.address()));
    let client = runtime.client();
    runtime.block_on(async move {
        let mut response = client.send(request).await.expect("an answer");
        let body = response.bytes(1 << 20).await.expect("all of it");
        (response.status.as_u16(), String::from_utf8(body.to_vec()).expect("text"))
    })
}

fn list(runtime: &Runtime) -> Vec<Value> {
    serde_json::from_str(&get(runtime, "/__processes__").1).expect("an array of objects")
}

/// Looks again and again until something is shown.
fn until(runtime: &Runtime, what: &str, shown: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    for _ in 0..600 {
        let list = list(runtime);
        if shown(&list) {
            return list;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: {:?}", list(runtime));
}

#[test]
fn who_holds_a_shard_is_named_and_hides_nobody() {
    let stuck_after = Some(Duration::from_millis(20));
    let runtime = Runtime::start(Config { shards: 2, stuck_after, ..Config::default() }).unwrap();
    let field =
        |name: &str, shard| runtime.spawn(Spawn::named(name).shard(Shard::At(shard)), || Field).unwrap();
    let (busy, free, held_up) = (field("busy", 0), field("free", 1), field("held up", 0));
    free.tell(Input::Link(busy.upid().clone())).unwrap();
    for field in [&free, &held_up] {
        runtime.block_on(field.call(Duration::from_secs(60), Input::Count)).unwrap();
    }
    let (release, until_released) = mpsc::channel();
    busy.tell(Input::Block(until_released)).unwrap();
    held_up.tell(Input::Link(free.upid().clone())).unwrap();

    let shown = until(&runtime, "the watchdog has seen it", |list| {
        list[0]["current"]["held_ms"].as_u64() >= Some(20)
    });
    let [busy_one, free_one, waiting] = &shown[..] else { panic!("{shown:?}") };
    assert_eq!(
        (&busy_one["id"], &busy_one["kind"], &busy_one["shard"]),
        (&"busy".into(), &"field".into(), &0.into())
    );
    assert_eq!(busy_one["current"]["input"], "Block");
    assert_eq!(busy_one["watchers"], 1);
    assert_eq!(busy_one["links"], Value::Null, "only it knows");
    assert_eq!((&free_one["shard"], &free_one["current"]), (&1.into(), &Value::Null));
    assert_eq!(free_one["links"][0], busy.upid().to_string());
    assert_eq!((&waiting["depth"], &waiting["current"]), (&1.into(), &Value::Null));
    assert_eq!(waiting["events"][0]["type"], "probe", "the system lane comes first");
    assert!(waiting["events"].as_array().unwrap().iter().any(|event| event["type"] == "message"));
    assert_eq!(waiting["handled"], 1);
    until(&runtime, "it is counted", |_| runtime.metrics().snapshot()["libprocess/handlers_stuck"] >= 1.0);

    release.send(()).unwrap();
    until(&runtime, "all is at rest", |list| {
        list.iter().all(|one| one["current"].is_null() && one["depth"] == 0 && one["links"].is_array())
    });
    runtime.shutdown();
}

#[test]
fn a_profiler_tells_what_shards_are_at_where_it_is_allowed() {
    let runtime = Runtime::start(Config { profiler: true, ..Config::default() }).unwrap();
    let busy = runtime.spawn(Spawn::named("busy"), || Field).unwrap();
    assert_eq!(get(&runtime, "/profiler/stop").0, 400, "it does not run");
    let wrong = "Invalid frequency '0': a number from 1 to 1000 is one.\n";
    assert_eq!(get(&runtime, "/profiler/start?frequency=0"), (400, wrong.to_owned()));
    let (release, until_released) = mpsc::channel();
    busy.tell(Input::Block(until_released)).unwrap();
    until(&runtime, "it is at it", |list| list[0]["current"]["input"] == "Block");
    assert_eq!(get(&runtime, "/profiler/start?frequency=1000").0, 200);
    assert_eq!(get(&runtime, "/profiler/start").0, 400, "it runs");
    let (status, text) = get(&runtime, "/profiler/stop");
    assert_eq!(status, 200);
    assert!(text.starts_with("shard-0;field;Block "), "{text}");
    release.send(()).unwrap();
    runtime.shutdown();

    let other = Runtime::start(Config::default()).unwrap();
    let (status, text) = get(&other, "/profiler/start");
    assert!(status == 400 && text.contains("LIBPROCESS_ENABLE_PROFILER=1"), "{text}");
    other.shutdown();
}
