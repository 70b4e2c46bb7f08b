//! From one node to another over loopback, beside a loop written by hand: length, bytes, 64 KiB at
//! a time; and a bare echo.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use libprocess::{
    Actor, AskError, Asked, Bound, Config, Context, Doors, Handler, Message, Pid, Process, Received, Runtime,
    Security, Spawn, Upid,
};
use libprocess_wire as wire;

use crate::measure::{Figure, per_operation, versus};

pub(crate) const TELLS: u64 = 1_000_000;
pub(crate) const LARGE_TELLS: u64 = 200_000;
const ASKS: u64 = 20_000;
/// What may be under way between two words of the receiver that it is ready for more. Unit: bytes.
const WINDOW: u64 = 128 << 10;

pub(crate) fn figures() -> Vec<Figure> {
    let plain = Security::default();
    let small = versus(|| tells(TELLS, 32, &plain), || frames(TELLS, 32));
    let large = versus(|| tells(LARGE_TELLS, 1_000, &plain), || frames(LARGE_TELLS, 1_000));
    let row = |what, (ours, theirs), goal| Figure { what, unit: "ns", ours, peer: "frames", theirs, goal };
    vec![row("tell, 64 bytes", small, Some(1.25)), row("tell, 1 KiB", large, Some(1.67))]
}

pub(crate) fn questions() -> Vec<Figure> {
    let (ours, theirs) = versus(|| asks(ASKS), || echoes(ASKS));
    vec![Figure { what: "ask another node", unit: "ns", ours, peer: "echo", theirs, goal: Some(1.3) }]
}

/// With lengths and a header, 32 bytes of filling make 64 on the wire.
#[wire::message(name = "bench.told", version = 1)]
#[derive(Clone)]
struct Told {
    number: u64,
    last: bool,
    filling: Vec<u8>,
}

#[wire::message(name = "bench.more", version = 1)]
struct More {}

#[wire::question(name = "bench.double", version = 1, reply = u64)]
struct Double {
    number: u64,
}

enum Input {
    Told(Received<Told>),
    More,
    Double(Asked<Double>),
    Start(Upid),
    Ask(Upid),
    Answer(Upid, Result<u64, AskError>),
}

impl Message for Input {
    type Result = ();
}
impl From<Received<Told>> for Input {
    fn from(told: Received<Told>) -> Input {
        Input::Told(told)
    }
}
impl From<Received<More>> for Input {
    fn from(_: Received<More>) -> Input {
        Input::More
    }
}
impl From<Asked<Double>> for Input {
    fn from(asked: Asked<Double>) -> Input {
        Input::Double(asked)
    }
}

/// Sends or receives, as it is told.
struct End {
    left: u64,
    filling: usize,
    other: Option<Upid>,
    sum: u64,
    done: mpsc::Sender<()>,
}

impl Actor for End {
    type Context = Context<Self>;
}

impl Process for End {
    const KIND: &'static str = "end";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Told>().message::<More>().question::<Double>();
    }
}

impl Handler<Input> for End {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Start(other) => {
                self.other = Some(other);
                self.batch(ctx);
                self.batch(ctx);
            }
            Input::More => self.batch(ctx),
            Input::Told(told) => {
                self.sum = self.sum.wrapping_add(told.body.number);
                self.left -= 1;
                if told.body.last {
                    ctx.send(&told.from, More {}).expect("the link is up");
                }
                if self.left == 0 {
                    self.done.send(()).expect("the bench waits");
                }
            }
            Input::Double(asked) => asked.reply.send(asked.body.number * 2),
            Input::Ask(to) => self.ask(to, ctx),
            Input::Answer(to, answer) => {
                answer.expect("it is answered");
                self.ask(to, ctx);
            }
        }
    }
}

impl End {
    fn batch(&mut self, ctx: &mut Context<Self>) {
        let to = self.other.clone().expect("it was started");
        let batch = (WINDOW / (self.filling as u64 + 32)).min(self.left);
        self.left -= batch;
        for number in 1..=batch {
            let told = Told { number, last: number == batch, filling: vec![7; self.filling] };
            ctx.send(&to, told).expect("there is room");
        }
    }

    fn ask(&mut self, to: Upid, ctx: &mut Context<Self>) {
        if self.left == 0 {
            return self.done.send(()).expect("the bench waits");
        }
        self.left -= 1;
        let back = to.clone();
        let within = Duration::from_secs(5);
        ctx.ask(&to, Double { number: self.left }, within, |answer| Input::Answer(back, answer));
    }
}

/// Two nodes that speak, each with an end.
struct Pair {
    nodes: [Runtime; 2],
    ends: [Pid<End>; 2],
    done: mpsc::Receiver<()>,
}

fn pair(left: u64, filling: usize, security: &Security) -> Pair {
    let (done, all) = mpsc::channel();
    let config = Config { http_workers: 0, security: security.clone(), ..Config::default() };
    let start = || Runtime::start(config.clone()).expect("starts");
    let nodes = [start(), start()];
    let ends = [0, 1].map(|at: usize| {
        let done = done.clone();
        let spawn = Spawn::named("end").mailbox(Bound::messages(1 << 20));
        let make = move || End { left, filling, other: None, sum: 0, done };
        nodes[at].spawn(spawn, make).expect("spawns")
    });
    Pair { nodes, ends, done: all }
}

impl Pair {
    fn end(self) {
        self.nodes.iter().for_each(Runtime::shutdown);
    }
}

pub(crate) fn tells(messages: u64, filling: usize, security: &Security) -> f64 {
    let pair = pair(messages, filling, security);
    let to = pair.ends[1].upid().clone();
    let cost = per_operation(messages, || {
        pair.ends[0].tell(Input::Start(to)).expect("there is room");
        pair.done.recv().expect("it ends");
    });
    pair.end();
    cost
}

fn asks(questions: u64) -> f64 {
    let pair = pair(questions, 0, &Security::default());
    let to = pair.ends[1].upid().clone();
    let cost = per_operation(questions, || {
        pair.ends[0].tell(Input::Ask(to)).expect("there is room");
        pair.done.recv().expect("it ends");
    });
    pair.end();
    cost
}

fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let there = TcpStream::connect(listener.local_addr().expect("it listens")).expect("it accepts");
    let (here, _) = listener.accept().expect("somebody dialled");
    for stream in [&here, &there] {
        stream.set_nodelay(true).expect("a TCP stream");
    }
    (here, there)
}

/// What remains when all of an actor runtime is taken away: encode, batch, write; read, decode, add.
fn frames(messages: u64, filling: usize) -> f64 {
    let (mut writer, mut reader) = connected();
    per_operation(messages, || {
        let writing = std::thread::spawn(move || {
            let mut buffer = Vec::with_capacity(80 << 10);
            for number in 0..messages {
                let told = Told { number, last: false, filling: vec![7; filling] };
                let start = buffer.len();
                buffer.extend_from_slice(&[0; 4]);
                wire::encode_into(&told, &mut buffer);
                let length = (buffer.len() - start - 4) as u32;
                buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
                if buffer.len() >= 64 << 10 {
                    writer.write_all(&buffer).expect("the reader reads");
                    buffer.clear();
                }
            }
            writer.write_all(&buffer).expect("the reader reads");
        });
        let (mut left, mut sum) = (messages, 0u64);
        let mut buffer = vec![0; 128 << 10];
        let (mut start, mut end) = (0, 0);
        while left > 0 {
            if start > 0 {
                buffer.copy_within(start..end, 0);
                (start, end) = (0, end - start);
            }
            end += reader.read(&mut buffer[end..]).expect("the writer writes");
            while let Some(length) = buffer[start..end].first_chunk::<4>() {
                let length = u32::from_le_bytes(*length) as usize;
                if end - start - 4 < length {
                    break;
                }
                let told: Told = wire::decode(&buffer[start + 4..start + 4 + length]).expect("as encoded");
                sum = sum.wrapping_add(told.number);
                left -= 1;
                start += 4 + length;
            }
        }
        assert!(sum > 0);
        writing.join().expect("it wrote all");
    })
}

/// Two reactors, one message there and one back, each awaited.
fn echoes(questions: u64) -> f64 {
    let reactor = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a reactor");
    let (asker, answerer) = connected();
    for stream in [&asker, &answerer] {
        stream.set_nonblocking(true).expect("a TCP stream");
    }
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    per_operation(questions, move || {
        let answering = std::thread::spawn(move || {
            reactor().block_on(async {
                let mut stream = tokio::net::TcpStream::from_std(answerer).expect("in a reactor");
                let mut question = [0; 32];
                for _ in 0..questions {
                    stream.read_exact(&mut question).await.expect("it asks");
                    stream.write_all(&question).await.expect("it waits");
                }
            });
        });
        reactor().block_on(async {
            let mut stream = tokio::net::TcpStream::from_std(asker).expect("in a reactor");
            let mut answer = [0; 32];
            for _ in 0..questions {
                stream.write_all(&[1; 32]).await.expect("it listens");
                stream.read_exact(&mut answer).await.expect("it answers");
            }
        });
        answering.join().expect("it answered all");
    })
}
