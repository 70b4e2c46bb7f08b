//! How long it takes until all who linked a process have heard that the way to it broke.

use std::io::copy;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use libprocess::{Actor, Config, Context, Exit, Handler, Message, Process, Runtime, Spawn, Upid};

use crate::measure::Figure;

const LINKS: usize = 10_000;

pub(crate) fn figures() -> Vec<Figure> {
    let mut all: Vec<f64> = (0..5).map(|_| breaking()).collect();
    all.sort_by(f64::total_cmp);
    let ours = all[all.len() / 2];
    let what = "10,000 links break, all are told";
    vec![Figure { what, unit: "us", ours, peer: "limit", theirs: 50_000.0, goal: Some(1.0) }]
}

struct Target;

struct Linker {
    to: Upid,
    told: mpsc::Sender<()>,
}

struct Nothing;

impl Message for Nothing {
    type Result = ();
}

impl Actor for Target {
    type Context = Context<Self>;
}

impl Process for Target {
    const KIND: &'static str = "target";
    type Input = Nothing;
}

impl Handler<Nothing> for Target {
    type Result = ();
    fn handle(&mut self, _: Nothing, _: &mut Context<Self>) {}
}

impl Actor for Linker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.link(&self.to);
    }
}

impl Process for Linker {
    const KIND: &'static str = "linker";
    type Input = Nothing;

    fn exited(&mut self, _: &Upid, exit: Exit, _: &mut Context<Self>) {
        assert_eq!(exit, Exit::LinkBroken);
        let _ = self.told.send(());
    }
}

impl Handler<Nothing> for Linker {
    type Result = ();
    fn handle(&mut self, _: Nothing, _: &mut Context<Self>) {}
}

/// Passes a connection on to where it hears that somebody listens, and says how it can be cut.
fn between(listening: mpsc::Receiver<SocketAddr>) -> (SocketAddr, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound");
    let (give, cuts) = mpsc::channel();
    thread::spawn(move || {
        let (near, _) = listener.accept().expect("somebody dials");
        let to = listening.recv().expect("the node starts");
        let far = TcpStream::connect(to).expect("the node listens");
        let (mut back, mut forth) = (far.try_clone().expect("a clone"), near.try_clone().expect("a clone"));
        give.send(near.try_clone().expect("a clone")).expect("the bench waits");
        thread::spawn(move || drop(copy(&mut back, &mut forth)));
        let (mut near, mut far) = (near, far);
        let _ = copy(&mut near, &mut far);
        let _ = far.shutdown(Shutdown::Both);
    });
    (address, cuts)
}

/// Unit: microseconds.
#[expect(clippy::disallowed_methods, reason = "how long it truly takes")]
fn breaking() -> f64 {
    let (listens, listening) = mpsc::channel::<SocketAddr>();
    let (advertised, cuts) = between(listening);
    let listen = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("loopback");
    let config = |listen, advertise| Config { listen, advertise, http_workers: 0, ..Config::default() };
    let there = Runtime::start(config(Some(listen), Some(advertised))).expect("a runtime starts");
    listens.send(listen).expect("it is waited for");
    let here = Runtime::start(config(Config::default().listen, None)).expect("a runtime starts");
    let target = there.spawn(Spawn::named("target"), || Target).expect("spawns").upid().clone();

    let (told, all) = mpsc::channel();
    for _ in 0..LINKS {
        let (to, told) = (target.clone(), told.clone());
        here.spawn(Spawn::prefixed("linker"), move || Linker { to, told }).expect("spawns");
    }
    let cut = cuts.recv().expect("it is dialled");
    // All links are there once the other node has heard of each linker and of each link.
    let heard = || there.metrics().snapshot().get("libprocess/links/frames_received").copied();
    while heard().is_none_or(|frames| frames < 2.0 * LINKS as f64) {
        thread::yield_now();
    }
    let start = Instant::now();
    cut.shutdown(Shutdown::Both).expect("it is open");
    (0..LINKS).for_each(|_| all.recv().expect("each is told"));
    let took = start.elapsed();
    here.shutdown();
    there.shutdown();
    took.as_nanos() as f64 / 1_000.0
}
