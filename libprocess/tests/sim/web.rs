//! HTTP as values: from outside, and between nodes.

use std::time::Duration;

use futures_util::FutureExt;
use libprocess::http::{self, ClientError, Request, Response, Route, StreamSender};
use libprocess::sim::{Sim, seeds};
use libprocess::{Actor, Context, Doors, Handler, Message, Process, Reply, Runtime, Spawn};

use super::probe::{ms, secs};

/// Answers, and tells whoever reads its stream the time, each second.
struct Clerk {
    readers: Vec<StreamSender>,
    counted: u64,
}

enum Input {
    Next(Reply<u64>),
    Open(Reply<http::Body>),
    Readers(Reply<u64>),
    Tick,
}

impl Message for Input {
    type Result = ();
}

impl Actor for Clerk {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.every(secs(1), || Input::Tick);
    }
}

const WITHIN: Duration = secs(5);

impl Process for Clerk {
    const KIND: &'static str = "clerk";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.route(Route::get("/next"), |_, edge| async move {
            let count = edge.pid.call(WITHIN, Input::Next).await.unwrap();
            Response::ok().body(count.to_string())
        });
        doors.route(Route::get("/readers"), |_, edge| async move {
            Response::ok().body(edge.pid.call(WITHIN, Input::Readers).await.unwrap().to_string())
        });
        doors.route(Route::get("/ticks"), |_, edge| async move {
            Response::ok().body(edge.pid.call(WITHIN, Input::Open).await.unwrap())
        });
        doors.route(Route::post("/echo"), |mut request: Request, edge| async move {
            edge.runtime.sleep(ms(100)).await;
            let peer = request.peer.map(|peer| peer.to_string()).unwrap_or_default();
            let body = request.bytes(1_000_000).await.unwrap();
            Response::ok().header("x-peer", peer).body(body)
        });
    }
}

impl Handler<Input> for Clerk {
    type Result = ();

    fn handle(&mut self, input: Input, _: &mut Context<Self>) {
        match input {
            Input::Next(reply) => {
                self.counted += 1;
                reply.send(self.counted);
            }
            Input::Open(reply) => {
                let (sender, body) = http::stream(16, 1_000);
                self.readers.push(sender);
                reply.send(body);
            }
            Input::Readers(reply) => reply.send(self.readers.len() as u64),
            Input::Tick => self.readers.retain(|reader| reader.send("tick").is_ok()),
        }
    }
}

fn clerk(sim: &mut Sim, address: &str) -> Runtime {
    let node = sim.node(address);
    node.spawn(Spawn::named("clerk"), || Clerk { readers: Vec::new(), counted: 0 }).unwrap();
    sim.settle();
    node
}

fn text(sim: &mut Sim, mut response: Response) -> (u16, String) {
    let body = sim.block_on(response.bytes(1_000_000)).unwrap();
    (response.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

fn get(sim: &mut Sim, from: &Runtime, url: &str) -> Result<Response, ClientError> {
    sim.block_on(from.client().send(Request::get(url)))
}

#[test]
fn a_request_as_a_value_reaches_its_route() {
    seeds(0..4, |sim| {
        let node = clerk(sim, "10.0.0.1:5050");
        node.delegate("clerk");
        for (path, answer) in [("/clerk/next", "1"), ("/next", "2")] {
            let response = sim.request(&node, Request::get(path));
            assert_eq!(text(sim, response), (200, answer.to_owned()));
        }
        assert_eq!(sim.request(&node, Request::get("/nowhere")).status.as_u16(), 404);
        assert_eq!(sim.request(&node, Request::post("/next")).status.as_u16(), 405);
    });
}

#[test]
fn a_stream_is_read_while_time_passes() {
    let mut sim = Sim::new(1);
    let node = clerk(&mut sim, "10.0.0.1:5050");
    let mut ticks = sim.request(&node, Request::get("/clerk/ticks")).body;
    assert_eq!(ticks.next().now_or_never(), None);
    sim.advance(secs(2));
    assert_eq!(ticks.next().now_or_never(), Some(Some(Ok("tick".into()))));
    assert_eq!(ticks.next().now_or_never(), Some(Some(Ok("tick".into()))));
    assert_eq!(ticks.next().now_or_never(), None);
}

#[test]
fn nodes_ask_each_other_over_the_simulated_network() {
    seeds(0..4, |sim| {
        let (one, _two) = (sim.node("10.0.0.1:5050"), clerk(sim, "10.0.0.2:5050"));
        sim.latency(&one, &_two, ms(10)..=ms(10));
        let before = sim.now();
        let request = Request::post("http://10.0.0.2:5050/clerk/echo").body("hello");
        let response = sim.block_on(one.client().send(request)).unwrap();
        assert_eq!(sim.now() - before, ms(120));
        assert_eq!(response.headers["x-peer"], "10.0.0.1:5050");
        assert_eq!(text(sim, response), (200, "hello".to_owned()));
    });
}

#[test]
fn bodies_stream_both_ways_piece_by_piece() {
    let mut sim = Sim::new(1);
    let (one, two) = (sim.node("10.0.0.1:5050"), clerk(&mut sim, "10.0.0.2:5050"));
    let (sender, body) = http::stream(100, 1_000_000);
    (0..50).for_each(|_| sender.send(vec![b'x'; 10_000]).unwrap());
    drop(sender);
    let request = Request::post("http://10.0.0.2:5050/clerk/echo").body(body);
    let response = sim.block_on(one.client().send(request)).unwrap();
    assert_eq!(text(&mut sim, response).1.len(), 500_000);

    let mut ticks = get(&mut sim, &one, "http://10.0.0.2:5050/clerk/ticks").unwrap().body;
    for _ in 0..3 {
        assert_eq!(sim.block_on(ticks.next()), Some(Ok("tick".into())));
    }
    sim.kill(&two);
    sim.block_on(async { while ticks.next().await.unwrap().is_ok() {} });
    assert_eq!(sim.block_on(ticks.next()), None);
}

#[test]
fn a_reader_that_leaves_is_noticed_at_the_other_node() {
    let mut sim = Sim::new(1);
    let (one, two) = (sim.node("10.0.0.1:5050"), clerk(&mut sim, "10.0.0.2:5050"));
    let readers = |sim: &mut Sim| {
        let response = sim.request(&two, Request::get("/clerk/readers"));
        text(sim, response).1
    };
    let ticks = get(&mut sim, &one, "http://10.0.0.2:5050/clerk/ticks").unwrap().body;
    sim.advance(secs(3));
    assert_eq!(readers(&mut sim), "1");
    drop(ticks);
    sim.advance(secs(3));
    assert_eq!(readers(&mut sim), "0");
}

#[test]
fn nobody_there_is_said_and_silence_is_given_up_on() {
    let mut sim = Sim::new(1);
    let (one, two) = (sim.node("10.0.0.1:5050"), clerk(&mut sim, "10.0.0.2:5050"));
    let next = "http://10.0.0.2:5050/clerk/next";
    assert!(get(&mut sim, &one, next).is_ok());

    sim.partition(&one, &two);
    let error = sim.block_on(one.client().send(Request::get(next).within(secs(2)))).unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    let error = get(&mut sim, &one, next).unwrap_err();
    assert!(
        matches!(&error, ClientError::Connect { source, .. }
        if source.kind() == std::io::ErrorKind::TimedOut),
        "{error}"
    );
    sim.heal(&one, &two);
    assert!(get(&mut sim, &one, next).is_ok());

    sim.kill(&two);
    let error = get(&mut sim, &one, next).unwrap_err();
    assert!(error.was_not_seen(), "{error}");
    assert!(matches!(get(&mut sim, &one, "http://nobody/"), Err(ClientError::Url(_))));
}

#[test]
fn a_whole_answer_survives_a_break_behind_it_and_an_open_one_does_not() {
    let mut sim = Sim::new(1);
    let (one, two) = (sim.node("10.0.0.1:5050"), clerk(&mut sim, "10.0.0.2:5050"));
    let response = get(&mut sim, &one, "http://10.0.0.2:5050/clerk/next").unwrap();
    let mut ticks = get(&mut sim, &one, "http://10.0.0.2:5050/clerk/ticks").unwrap().body;
    sim.cut(&one, &two);
    assert_eq!(text(&mut sim, response), (200, "1".to_owned()));
    assert!(sim.block_on(ticks.next()).unwrap().is_err());
}
