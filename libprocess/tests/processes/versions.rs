//! Messages and questions between nodes that are one version apart.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::{
    Actor, AskError, Asked, Context, Doors, Handler, Message, Pid, Process, Received, Spawn, Upid,
};
use libprocess_wire as wire;

use crate::probe::{LONG, Node};

#[wire::message(name = "test.crop", version = 1)]
struct CropV1 {
    tons: u32,
}

#[wire::message(name = "test.crop", version = 2, was = CropV1)]
struct Crop {
    kilograms: u64,
    sort: String,
}

impl From<CropV1> for Crop {
    fn from(old: CropV1) -> Crop {
        Crop { kilograms: u64::from(old.tons) * 1_000, sort: "unknown".to_owned() }
    }
}
impl From<&Crop> for CropV1 {
    fn from(new: &Crop) -> CropV1 {
        CropV1 { tons: (new.kilograms / 1_000) as u32 }
    }
}

#[wire::question(name = "test.price", version = 1, reply = u32)]
struct PriceV1 {}

#[wire::part]
struct Cents(u64);

impl From<u32> for Cents {
    fn from(coins: u32) -> Cents {
        Cents(u64::from(coins) * 100)
    }
}
impl From<Cents> for u32 {
    fn from(cents: Cents) -> u32 {
        (cents.0 / 100) as u32
    }
}

#[wire::question(name = "test.price", version = 2, reply = Cents, was = PriceV1)]
struct Price {
    per: String,
}

impl From<PriceV1> for Price {
    fn from(_: PriceV1) -> Price {
        Price { per: "ton".to_owned() }
    }
}
impl From<&Price> for PriceV1 {
    fn from(_: &Price) -> PriceV1 {
        PriceV1 {}
    }
}

/// Speaks the old version only, or the new one and hence both.
struct Trader {
    old: bool,
    heard: mpsc::Sender<String>,
}

enum Input {
    CropV1(Received<CropV1>),
    Crop(Received<Crop>),
    PriceV1(Asked<PriceV1>),
    Price(Asked<Price>),
    Sell(Upid, u64),
    Quote(Upid),
    Answer(Result<u64, AskError>),
}

impl Message for Input {
    type Result = ();
}
impl From<Received<CropV1>> for Input {
    fn from(crop: Received<CropV1>) -> Input {
        Input::CropV1(crop)
    }
}
impl From<Received<Crop>> for Input {
    fn from(crop: Received<Crop>) -> Input {
        Input::Crop(crop)
    }
}
impl From<Asked<PriceV1>> for Input {
    fn from(price: Asked<PriceV1>) -> Input {
        Input::PriceV1(price)
    }
}
impl From<Asked<Price>> for Input {
    fn from(price: Asked<Price>) -> Input {
        Input::Price(price)
    }
}

impl Actor for Trader {
    type Context = Context<Self>;
}

impl Process for Trader {
    const KIND: &'static str = "trader";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        match self.old {
            true => doors.message::<CropV1>().question::<PriceV1>(),
            false => doors.message::<Crop>().question::<Price>(),
        };
    }
}

impl Handler<Input> for Trader {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        let said = match input {
            Input::CropV1(crop) => format!("{} t", crop.body.tons),
            Input::Crop(crop) => format!("{} kg of {}", crop.body.kilograms, crop.body.sort),
            Input::PriceV1(asked) => return asked.reply.send(3),
            Input::Price(asked) => {
                return asked.reply.send(Cents(if asked.body.per == "ton" { 450 } else { 1 }));
            }
            Input::Sell(to, tons) => {
                let sent = match self.old {
                    true => ctx.send(&to, CropV1 { tons: tons as u32 }),
                    false => ctx.send(&to, Crop { kilograms: tons * 1_000, sort: "rye".to_owned() }),
                };
                return sent.expect("there is room");
            }
            Input::Quote(to) => {
                let map = |answer: Result<u64, AskError>| Input::Answer(answer);
                return match self.old {
                    true => ctx.ask(&to, PriceV1 {}, LONG, move |answer| map(answer.map(u64::from))),
                    false => {
                        let per = "ton".to_owned();
                        ctx.ask(&to, Price { per }, LONG, move |answer| map(answer.map(|cents| cents.0)));
                    }
                };
            }
            Input::Answer(answer) => format!("{answer:?}"),
        };
        self.heard.send(said).expect("the test listens");
    }
}

fn trader(node: &Node, old: bool) -> (Pid<Trader>, mpsc::Receiver<String>) {
    let (heard, said) = mpsc::channel();
    (node.runtime.spawn(Spawn::named("trader"), move || Trader { old, heard }).unwrap(), said)
}

fn next(said: &mpsc::Receiver<String>) -> String {
    said.recv_timeout(Duration::from_secs(90)).expect("something is said")
}

#[test]
fn nodes_one_version_apart_understand_each_other_in_order() {
    for (old, other, sold) in
        [(false, false, "kg of rye"), (false, true, "t"), (true, false, "kg of unknown"), (true, true, "t")]
    {
        let (here, there) = (Node::listening(), Node::listening());
        let (seller, _) = trader(&here, old);
        let (buyer, said) = trader(&there, other);
        for tons in 1..=200 {
            seller.tell(Input::Sell(buyer.upid().clone(), tons)).unwrap();
            if tons == 5 {
                // By now it is known what the other reads; the rest is said once.
                assert!(next(&said).ends_with(sold));
            }
        }
        for tons in 2..=200 {
            let sold = if sold == "t" { format!("{tons} t") } else { format!("{tons}000 {sold}") };
            assert_eq!(next(&said), sold);
        }
        assert_eq!(there.count("libprocess/links/messages_refused"), 0.0);
    }
}

#[test]
fn answers_are_read_in_the_version_in_which_they_were_asked_for() {
    for (old, other, answer) in
        [(false, false, "Ok(450)"), (false, true, "Ok(300)"), (true, false, "Ok(4)"), (true, true, "Ok(3)")]
    {
        let (here, there) = (Node::listening(), Node::listening());
        let (asker, said) = trader(&here, old);
        let (asked, _) = trader(&there, other);
        for _ in 0..3 {
            asker.tell(Input::Quote(asked.upid().clone())).unwrap();
            assert_eq!(next(&said), answer);
        }
    }
}
