//! Starts `greeter_plugin`, which lies beside it, lets it in, asks it, and sees it go.

use std::time::Duration;

use examples::greeting::{Greet, SLOT};
use libprocess::plugin::{self, Plugins};
use libprocess::toolbox::subprocess::{Io, Program};
use libprocess::{Config, Runtime, Spawn};
use tokio::sync::mpsc;

fn main() -> anyhow::Result<()> {
    let runtime = Runtime::start(Config { http_workers: 0, ..Config::default() })?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let plugins = runtime.spawn(Spawn::named("plugins"), || {
        Plugins::new(move |slot, plugin| drop(tell.send((slot.to_owned(), plugin))))
    })?;
    let beside = std::env::current_exe()?.with_file_name("greeter_plugin");
    runtime.block_on(async {
        let program = Program { stderr: Io::Inherit, ..Program::new(beside) };
        let running = plugin::launch(&plugins, program, &[SLOT]).await?;
        let (slot, plugin) = told.recv().await.expect("the host lives");
        let plugin = plugin.expect("it joins before it leaves");
        println!("{slot} is filled");

        let greet = Greet { name: "plugin".to_owned() };
        println!("{}", runtime.ask(&plugin, greet, Duration::from_secs(15)).await?);

        running.kill_tree();
        let (slot, plugin) = told.recv().await.expect("the host lives");
        anyhow::ensure!(plugin.is_none(), "it is gone");
        println!("{slot} is empty");
        Ok(())
    })?;
    runtime.shutdown();
    Ok(())
}
