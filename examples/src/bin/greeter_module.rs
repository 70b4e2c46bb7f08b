//! A part that is compiled in: chosen by name, started with parameters, asked by address.
//!
//! `greeter_module polite_greeter word=salve`

use std::time::Duration;

use anyhow::Context;
use examples::greeting::{self, Greet, SLOT};
use libprocess::plugin::{Modules, Parameters};
use libprocess::{Config, Runtime};

fn main() -> anyhow::Result<()> {
    let mut modules = Modules::default();
    greeting::register(&mut modules);

    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_else(|| "polite_greeter".to_owned());
    let parameters: Parameters = words
        .map(|word| {
            let (key, value) =
                word.split_once('=').with_context(|| format!("{word:?} is not `key=value`"))?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect::<anyhow::Result<_>>()?;

    let runtime = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() })?;
    let greeter = modules.start(&name, SLOT, &runtime, &parameters)?;
    let greet = Greet { name: "module".to_owned() };
    println!("{}", runtime.block_on(runtime.ask(&greeter, greet, Duration::from_secs(15)))?);
    runtime.shutdown();
    Ok(())
}
