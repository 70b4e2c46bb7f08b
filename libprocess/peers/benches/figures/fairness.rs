//! How late a timer of 1 ms fires beside a process that never rests, at worst.
//!
//! Late is what its own thread did meanwhile: while the machine runs somebody else, no runtime can
//! fire a timer, and nothing is learnt about it.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use libprocess::{Actor, Context, Handler, Message, Process, Shard, Spawn};
use nix::time::{ClockId, clock_gettime};

use crate::measure::{Figure, runtime};

const PERIOD: Duration = Duration::from_millis(1);
const TICKS: u32 = 3_000;
/// Messages that go round in the flood.
const FLOOD: usize = 1_000;

/// Against a limit: what others do beside such a flood is not to fire at all.
pub(crate) fn figures() -> Vec<Figure> {
    let mut late = delays();
    late.sort();
    let figure = |what, at: usize| {
        let ours = late[at].as_nanos() as f64 / 1_000.0;
        Figure { what, unit: "us", ours, peer: "limit", theirs: 5_000.0, goal: Some(1.0) }
    };
    vec![
        figure("1 ms timer in a flood, median", late.len() / 2),
        figure("1 ms timer in a flood, latest", late.len() - 1),
    ]
}

struct Flood;

struct Again;

impl Message for Again {
    type Result = ();
}

impl Actor for Flood {
    type Context = Context<Self>;
}

impl Process for Flood {
    const KIND: &'static str = "flood";
    type Input = Again;
}

impl Handler<Again> for Flood {
    type Result = ();

    fn handle(&mut self, again: Again, ctx: &mut Context<Self>) {
        let me = ctx.pid().clone();
        ctx.tell(&me, again).expect("one for one");
    }
}

struct Clock {
    set: (Instant, Duration),
    late: Vec<Duration>,
    done: mpsc::Sender<Vec<Duration>>,
}

struct Tick;

impl Message for Tick {
    type Result = ();
}

impl Clock {
    /// The time, and how long this thread has been at work.
    #[expect(clippy::disallowed_methods, reason = "how late it truly is")]
    fn now() -> (Instant, Duration) {
        let at_work = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has one");
        (Instant::now(), at_work.into())
    }

    /// How late it is by the clock, but no later than the thread has been at work.
    fn late(&self) -> Duration {
        let (now, at_work) = Clock::now();
        now.duration_since(self.set.0).saturating_sub(PERIOD).min(at_work.saturating_sub(self.set.1))
    }
}

impl Actor for Clock {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.set = Clock::now();
        ctx.after(PERIOD, Tick);
    }
}

impl Process for Clock {
    const KIND: &'static str = "clock";
    type Input = Tick;
}

impl Handler<Tick> for Clock {
    type Result = ();

    fn handle(&mut self, tick: Tick, ctx: &mut Context<Self>) {
        self.late.push(self.late());
        if self.late.len() == TICKS as usize {
            let _ = self.done.send(std::mem::take(&mut self.late));
        } else {
            self.set = Clock::now();
            ctx.after(PERIOD, tick);
        }
    }
}

fn delays() -> Vec<Duration> {
    let runtime = runtime(1);
    let flood = runtime.spawn(Spawn::named("flood").shard(Shard::At(0)), || Flood).expect("spawns");
    (0..FLOOD).for_each(|_| flood.tell(Again).expect("there is room"));
    let (done, all) = mpsc::channel();
    let clock = || Clock { set: Clock::now(), late: Vec::new(), done };
    runtime.spawn(Spawn::named("clock").shard(Shard::At(0)), clock).expect("spawns");
    let late = all.recv().expect("it ends");
    runtime.shutdown();
    late
}
