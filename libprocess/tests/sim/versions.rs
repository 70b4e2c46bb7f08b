//! A node of the version before among newer ones, and brought up to date.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::sim::{Disk, Sim};
use libprocess::{Actor, Context, Doors, Handler, Message, Pid, Process, Received, Runtime, Spawn, Upid};
use libprocess_wire as wire;

#[wire::message(name = "test.crop", version = 1)]
struct CropV1 {
    tons: u32,
}

#[wire::message(name = "test.crop", version = 2, was = CropV1)]
struct Crop {
    kilograms: u64,
}

impl From<CropV1> for Crop {
    fn from(old: CropV1) -> Crop {
        Crop { kilograms: u64::from(old.tons) * 1_000 }
    }
}
impl From<&Crop> for CropV1 {
    fn from(new: &Crop) -> CropV1 {
        CropV1 { tons: (new.kilograms / 1_000) as u32 }
    }
}

struct Trader(mpsc::Sender<u64>);

enum Input {
    Crop(Received<Crop>),
    Sell(Upid, u64),
}

impl Message for Input {
    type Result = ();
}
impl From<Received<Crop>> for Input {
    fn from(crop: Received<Crop>) -> Input {
        Input::Crop(crop)
    }
}

impl Actor for Trader {
    type Context = Context<Self>;
}

impl Process for Trader {
    const KIND: &'static str = "trader";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Crop>();
    }
}

impl Handler<Input> for Trader {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Crop(crop) => self.0.send(crop.body.kilograms).expect("the test listens"),
            Input::Sell(to, kilograms) => ctx.send(&to, Crop { kilograms }).expect("there is room"),
        }
    }
}

fn trader(node: &Runtime) -> (Pid<Trader>, mpsc::Receiver<u64>) {
    let (heard, said) = mpsc::channel();
    (node.spawn(Spawn::named("trader"), move || Trader(heard)).unwrap(), said)
}

#[test]
fn an_older_node_says_and_reads_what_it_knows_until_it_is_upgraded() {
    let mut sim = Sim::new(1);
    let new = sim.node("10.0.0.1:1");
    sim.add_older(true);
    let old = sim.node("10.0.0.2:1");
    let (one, one_heard) = trader(&new);
    let (other, other_heard) = trader(&old);
    let sell = |sim: &mut Sim, from: &Pid<Trader>, to: &Pid<Trader>| {
        from.tell(Input::Sell(to.upid().clone(), 2_500)).unwrap();
        sim.advance(Duration::from_secs(1));
    };
    // What only the newer version can say is lost on the way, in both directions.
    for _ in 0..3 {
        sell(&mut sim, &one, &other);
        sell(&mut sim, &other, &one);
    }
    assert_eq!(one_heard.try_iter().collect::<Vec<_>>(), [2_000; 3]);
    assert_eq!(other_heard.try_iter().collect::<Vec<_>>(), [2_000; 3]);

    sim.upgrade(&old);
    let old = sim.restart(&old, Disk::Kept);
    let (other, other_heard) = trader(&old);
    // What is said on a connection to the life before is lost with it.
    sim.advance(Duration::from_secs(1));
    for _ in 0..3 {
        sell(&mut sim, &one, &other);
        sell(&mut sim, &other, &one);
    }
    assert_eq!(one_heard.try_iter().collect::<Vec<_>>(), [2_500; 3]);
    assert_eq!(other_heard.try_iter().collect::<Vec<_>>(), [2_500; 3]);
}
