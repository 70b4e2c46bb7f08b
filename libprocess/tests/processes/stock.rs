//! Stock actix code runs over our context: `Addr`, actor futures, `run_later`, `run_interval`.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::actix::fut::{ActorFutureExt, wrap_future};
use libprocess::actix::{Addr, AsyncContext, MessageResult, SpawnHandle};
use libprocess::{Actor, AskError, Context, Handler, Message, Process, Spawn};

use crate::probe::{LONG, Node};

struct Stock {
    report: mpsc::Sender<&'static str>,
    interval: Option<SpawnHandle>,
    ticks: u32,
}

struct Go;
impl Message for Go {
    type Result = ();
}

struct Say(&'static str);
impl Message for Say {
    type Result = ();
}

struct Length(&'static str);
impl Message for Length {
    type Result = usize;
}

struct GiveAddr;
impl Message for GiveAddr {
    type Result = Addr<Stock>;
}

impl Actor for Stock {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Context<Self>) {
        self.report.send("started").unwrap();
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        self.report.send("stopped").unwrap();
    }
}

impl Process for Stock {
    const KIND: &'static str = "stock";
    type Input = Go;
}

impl Handler<Go> for Stock {
    type Result = ();

    fn handle(&mut self, _: Go, ctx: &mut Context<Self>) {
        ctx.address().do_send(Say("by address"));
        ctx.run_later(Duration::from_millis(5), |stock, _| stock.report.send("later").unwrap());
        let cancelled = ctx.run_later(Duration::from_millis(1), |_, _| panic!("it was cancelled"));
        assert!(ctx.cancel_future(cancelled));
        self.interval = Some(ctx.run_interval(Duration::from_millis(10), |stock, ctx| {
            stock.ticks += 1;
            if stock.ticks == 2 {
                ctx.cancel_future(stock.interval.take().unwrap());
                stock.report.send("two ticks").unwrap();
            }
        }));
        let runtime = ctx.runtime().clone();
        let pause = async move { runtime.sleep(Duration::from_millis(50)).await };
        ctx.spawn(wrap_future(pause).map(|(), stock: &mut Stock, _| stock.report.send("future").unwrap()));
    }
}

impl Handler<Say> for Stock {
    type Result = ();

    fn handle(&mut self, Say(what): Say, ctx: &mut Context<Self>) {
        if what == "wait" {
            let runtime = ctx.runtime().clone();
            let pause = async move { runtime.sleep(Duration::from_millis(5)).await };
            ctx.wait(wrap_future(pause).map(|(), stock: &mut Stock, _| stock.report.send("waited").unwrap()));
        } else {
            self.report.send(what).unwrap();
        }
    }
}

impl Handler<Length> for Stock {
    type Result = MessageResult<Length>;

    fn handle(&mut self, Length(text): Length, _: &mut Context<Self>) -> Self::Result {
        MessageResult(text.len())
    }
}

impl Handler<GiveAddr> for Stock {
    type Result = Addr<Stock>;

    fn handle(&mut self, _: GiveAddr, ctx: &mut Context<Self>) -> Addr<Stock> {
        ctx.address()
    }
}

#[test]
fn stock_code_runs_over_our_context() {
    let node = Node::start();
    let (report, reports) = mpsc::channel();
    let make = move || Stock { report, interval: None, ticks: 0 };
    let stock = node.runtime.spawn(Spawn::named("stock"), make).unwrap();
    let said = || reports.recv_timeout(LONG).expect("it goes on");
    assert_eq!(said(), "started");

    stock.tell(Say("wait")).unwrap();
    stock.tell(Say("behind it")).unwrap();
    assert_eq!([said(), said()], ["waited", "behind it"], "what is waited for holds the user lane back");

    stock.tell(Go).unwrap();
    assert_eq!(said(), "by address");
    // Each after a while of its own; on a busy machine, in whichever order.
    let mut rest = [said(), said(), said()];
    rest.sort_unstable();
    assert_eq!(rest, ["future", "later", "two ticks"]);

    let asked = async {
        let length = stock.ask(Length("four")).within(LONG).await;
        let address = stock.ask(GiveAddr).within(LONG).await.unwrap();
        (length, address.send(Length("fourteen bytes")).await.unwrap(), address)
    };
    let (length, by_address, address) = node.runtime.block_on(asked);
    assert_eq!((length, by_address), (Ok(4), 14));

    stock.terminate(libprocess::Lane::User);
    assert_eq!(said(), "stopped");
    node.runtime.block_on(stock.wait());
    assert!(!address.connected(), "a stock address knows of the end");
    assert_eq!(node.runtime.block_on(async { stock.ask(Length("x")).await }), Err(AskError::NoSuchProcess));
}
