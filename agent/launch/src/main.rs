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
mod unpack;

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    match words.first().and_then(|word| word.to_str()) {
        Some("supervise") => supervise::run(),
        Some("copy" | "unpack") => unpack::run(words),
        _ => ExitCode::from(64),
    }
}
