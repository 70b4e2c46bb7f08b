//! A part that is a program of its own: started with a token, let in by it, asked, and missed when it is
//! gone. The program is this one, started again: [`main_of_the_plugin`] is all that it takes to write one.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::plugin::{Invitation, JoinError, Plugins, Refused, launch};
use libprocess::toolbox::subprocess::Program;
use libprocess::{
    Actor, Asked, Config, Context, Doors, Exit, Handler, Message, Process, Runtime, Spawn, Upid,
};
use libprocess_wire as wire;

const LONG: Duration = Duration::from_secs(90);

/// What the host asks of whoever fills the slot `yield`.
#[wire::question(name = "test.plugin.yield", version = 1, reply = u64)]
struct Yield {
    hectares: u64,
}

/// Fills `yield`, and tries `weather`, which it was not given.
struct Plugin {
    invitation: Invitation,
    refused: mpsc::Sender<JoinError>,
}

enum Input {
    Joined(Result<(), JoinError>),
    Yield(Asked<Yield>),
}

impl Message for Input {
    type Result = ();
}

impl From<Asked<Yield>> for Input {
    fn from(asked: Asked<Yield>) -> Input {
        Input::Yield(asked)
    }
}

impl Actor for Plugin {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let Plugin { invitation, .. } = self;
        // Without its host there is nobody left to serve.
        ctx.link(&invitation.host);
        invitation.join(ctx, "weather", Input::Joined);
    }
}

impl Process for Plugin {
    const KIND: &'static str = "plugin";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.question::<Yield>();
    }

    fn exited(&mut self, _: &Upid, _: Exit, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<Input> for Plugin {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Joined(Err(why)) => {
                let _ = self.refused.send(why);
                self.invitation.join(ctx, "yield", Input::Joined);
            }
            Input::Joined(Ok(())) => {}
            Input::Yield(asked) => asked.reply.send(asked.body.hectares * 7),
        }
    }
}

/// The plugin's program, where its host has started it; nothing otherwise.
#[test]
fn main_of_the_plugin() {
    let Ok(invitation) = Invitation::from_env() else { return };
    let node = Runtime::start(Config { http_workers: 0, ..Config::default() }).expect("a node starts");
    let (refused, why) = mpsc::channel();
    let plugin = node.spawn(Spawn::named("plugin"), || Plugin { invitation, refused }).expect("spawns");
    let why = why.recv_timeout(LONG).expect("it was told why not");
    assert_eq!(why, JoinError::Refused(Refused::NotGranted("weather".into())));
    node.block_on(plugin.wait());
    node.shutdown();
}

#[test]
fn a_program_with_a_token_fills_the_slot_it_names_until_it_is_gone() {
    let host = Runtime::start(Config { http_workers: 0, ..Config::default() }).unwrap();
    let (tell, told) = mpsc::channel();
    let filled = move |slot: &str, who: Option<Upid>| {
        let _ = tell.send((slot.to_owned(), who));
    };
    let plugins = host.spawn(Spawn::named("plugins"), || Plugins::new(filled)).unwrap();
    let mut program = Program::new(std::env::current_exe().unwrap());
    program.args = ["--exact", "main_of_the_plugin"].map(Into::into).into();
    let running = host.block_on(launch(&plugins, program, &["yield"])).unwrap();

    let (slot, who) = told.recv_timeout(LONG).unwrap();
    let plugin = who.expect("it is filled");
    assert_eq!((&*slot, plugin.id()), ("yield", "plugin"));
    assert_eq!(host.block_on(host.ask(&plugin, Yield { hectares: 6 }, LONG)), Ok(42));
    assert_eq!(host.metrics().snapshot()["libprocess/plugins/refused"], 1.0, "the slot it was not given");

    drop(running);
    assert_eq!(told.recv_timeout(LONG).unwrap(), ("yield".to_owned(), None));
    assert!(host.block_on(host.ask(&plugin, Yield { hectares: 1 }, LONG)).is_err());
    host.shutdown();
}
