//! `hectare`: every part of the system behind one command.
//!
//! This is the one place that knows all parts. It reads the environment, installs logging, prints
//! errors, and turns what people type into a part's `Config`:
//! 1. [`arguments`]: from Mesos' way of writing flags to ours;
//! 2. [`commands`]: one file per subcommand;
//! 3. [`client`]: asking a master or agent; [`job`]: running tasks through the scheduler API;
//! 4. [`session`], [`console`]: a person in front of a container;
//! 5. [`output`], [`logging`]: what a person or a program reads.

mod arguments;
mod client;
mod commands;
mod console;
mod job;
mod logging;
mod output;
mod session;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use commands::Cli;
use mimalloc::MiMalloc;

#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let given: Vec<_> = std::env::args_os().collect();
    // One is started per task: it must not pay for the parser of everything else.
    if given.get(1).is_some_and(|first| first == "executor") {
        return commands::executor(&given[2..]);
    }
    let arguments = arguments::normalised(&Cli::command(), given, |name| std::env::var_os(name));
    let cli = match Cli::command().try_get_matches_from(arguments).and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Like the flags they stand for: 1 for a mistake, 0 when help was asked for.
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) if output::is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}
