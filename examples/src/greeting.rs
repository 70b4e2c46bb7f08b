//! A part that greets: compiled into `greeter_module`, a program of its own in `greeter_plugin`. Whoever asks it
//! sees no difference.

use libprocess::plugin::{Module, ModuleError, Modules};
use libprocess::{Actor, Asked, Context, Doors, Handler, Message, Process, Spawn};
use libprocess_wire as wire;

/// The slot it fills.
pub const SLOT: &str = "greeter";

#[wire::question(name = "example.greet", version = 1, reply = String)]
pub struct Greet {
    pub name: String,
}

/// Greets whoever asks.
pub struct Greeter {
    pub word: String,
}

pub struct Input(Asked<Greet>);

impl From<Asked<Greet>> for Input {
    fn from(asked: Asked<Greet>) -> Input {
        Input(asked)
    }
}

impl Message for Input {
    type Result = ();
}

impl Actor for Greeter {
    type Context = Context<Self>;
}

impl Process for Greeter {
    const KIND: &'static str = "greeter";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.question::<Greet>();
    }
}

impl Handler<Input> for Greeter {
    type Result = ();

    fn handle(&mut self, Input(asked): Input, _: &mut Context<Self>) {
        let greeting = greet(&self.word, &asked.body.name);
        asked.reply.send(greeting);
    }
}

pub fn greet(word: &str, name: &str) -> String {
    format!("{word}, {name}")
}

/// Makes the greeter known to a binary that is built with it.
pub fn register(modules: &mut Modules) {
    modules.add(
        "polite_greeter",
        Module::new(SLOT, "greets; `word` is what it says first", |runtime, parameters| {
            let word = parameters.get("word").map_or("hello", String::as_str).to_owned();
            if word.is_empty() {
                return Err(ModuleError::Parameter { name: "word".to_owned(), why: "is empty".to_owned() });
            }
            Ok(runtime.spawn(Spawn::named(SLOT), || Greeter { word })?.upid().clone())
        }),
    );
}
