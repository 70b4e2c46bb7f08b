//! Two nodes, and on each a process that asks the other to double a number when it is told or asked to.

use std::time::Duration;

use libprocess::http::{Response, Route};
use libprocess::sim::Sim;
use libprocess::{
    Actor, AskError, Asked, Context, Doors, Handler, Message, Pid, Process, Runtime, Spawn, Upid,
};
use libprocess_wire as wire;

#[wire::question(name = "test.span.double", version = 1, reply = u64)]
pub(crate) struct Double {
    pub(crate) number: u64,
}

pub(crate) struct Adder;

pub(crate) enum Input {
    Ask(Upid),
    Answered(Result<u64, AskError>),
    Double(Asked<Double>),
}

impl From<Asked<Double>> for Input {
    fn from(asked: Asked<Double>) -> Input {
        Input::Double(asked)
    }
}

impl Message for Input {
    type Result = ();
}

impl Actor for Adder {
    type Context = Context<Self>;
}

impl Process for Adder {
    const KIND: &'static str = "adder";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.question::<Double>();
        doors.route(Route::get("/ask"), |request, edge| async move {
            let to: Upid = request.query.get("to").and_then(|to| to.parse().ok()).expect("an address");
            edge.pid.tell(Input::Ask(to)).expect("there is room");
            Response::accepted()
        });
    }

    fn label(input: &Input) -> &'static str {
        match input {
            Input::Ask(_) => "Ask",
            Input::Answered(_) => "Answered",
            Input::Double(_) => "Double",
        }
    }
}

impl Handler<Input> for Adder {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Ask(to) => ctx.ask(&to, Double { number: 4 }, Duration::from_secs(60), Input::Answered),
            Input::Answered(answer) => assert_eq!(answer, Ok(8)),
            Input::Double(asked) => asked.reply.send(asked.body.number * 2),
        }
    }
}

pub(crate) fn two_nodes(sim: &mut Sim) -> [(Runtime, Pid<Adder>); 2] {
    [("10.0.0.1:1", "one"), ("10.0.0.2:1", "two")].map(|(address, name)| {
        let node = sim.node(address);
        let adder = node.spawn(Spawn::named(name), || Adder).unwrap();
        (node, adder)
    })
}
