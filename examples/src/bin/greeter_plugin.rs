//! A part that is a program of its own: joins the host that started it, serves, and ends with it.

use examples::greeting::{self, Greet, SLOT};
use libprocess::plugin::{Invitation, JoinError};
use libprocess::{
    Actor, Asked, Config, Context, Doors, Exit, Handler, Message, Process, Reason, Runtime, Spawn, Upid,
};

struct Plugin {
    invitation: Invitation,
}

enum Input {
    Joined(Result<(), JoinError>),
    Greet(Asked<Greet>),
}

impl From<Asked<Greet>> for Input {
    fn from(asked: Asked<Greet>) -> Input {
        Input::Greet(asked)
    }
}

impl Message for Input {
    type Result = ();
}

impl Actor for Plugin {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.link(&self.invitation.host);
        self.invitation.join(ctx, SLOT, Input::Joined);
    }
}

impl Process for Plugin {
    const KIND: &'static str = "plugin";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.question::<Greet>();
    }

    fn exited(&mut self, _: &Upid, _: Exit, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<Input> for Plugin {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Joined(Ok(())) => {}
            Input::Joined(Err(error)) => {
                eprintln!("{error}");
                ctx.stop();
            }
            Input::Greet(asked) => {
                let greeting = greeting::greet("hello from outside", &asked.body.name);
                asked.reply.send(greeting);
            }
        }
    }
}

fn main() -> anyhow::Result<()> {
    let invitation = Invitation::from_env()?;
    let runtime = Runtime::start(Config { http_workers: 0, ..Config::default() })?;
    let plugin = runtime.spawn(Spawn::named("greeter"), || Plugin { invitation })?;
    let reason = runtime.block_on(plugin.wait());
    runtime.shutdown();
    anyhow::ensure!(reason == Reason::Stopped, "the plugin ended: {reason}");
    Ok(())
}
