//! Two processes that talk: one serves, one returns, and each touch is a message.

use libprocess::{Actor, Config, Context, Handler, Message, Pid, Process, Runtime, Spawn};

/// The one thing that can happen to a player.
enum Input {
    /// The ball comes from `from`, and was in the air so often.
    Ball { from: Pid<Player>, touches: u32 },
}

impl Message for Input {
    type Result = ();
}

struct Player {
    enough: u32,
}

impl Actor for Player {
    type Context = Context<Self>;
}

impl Process for Player {
    const KIND: &'static str = "player";
    type Input = Input;
}

impl Handler<Input> for Player {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        let Input::Ball { from, touches } = input;
        println!("{} has the ball: {touches}", ctx.upid().id());
        // A mailbox can be full and a player gone; here neither can be.
        let back = Input::Ball { from: ctx.pid().clone(), touches: touches + 1 };
        let _ = ctx.tell(&from, back);
        if touches + 1 >= self.enough {
            ctx.stop();
        }
    }
}

fn main() -> anyhow::Result<()> {
    let runtime = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() })?;
    let ping = runtime.spawn(Spawn::named("ping"), || Player { enough: 10 })?;
    let pong = runtime.spawn(Spawn::named("pong"), || Player { enough: 10 })?;
    ping.tell(Input::Ball { from: pong.clone(), touches: 1 })?;
    runtime.block_on(async {
        ping.wait().await;
        pong.wait().await;
    });
    runtime.shutdown();
    Ok(())
}
