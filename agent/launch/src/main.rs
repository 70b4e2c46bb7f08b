//! `hectare-launch`: the small program beside the agent. It is carried inside `hectare`, sealed in memory and started
//! from there; people do not call it.
//!
//! ```text
//! hectare-launch supervise                       one container, from its gate to its record
//! hectare-launch copy <path> …                   a local file into a sandbox, with the task user's rights
//! hectare-launch unpack <format> …               an archive into a sandbox, likewise
//! ```

mod supervise;
mod task;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    match words.next().as_deref() {
        Some("supervise") => supervise::run(),
        _ => ExitCode::from(64),
    }
}
