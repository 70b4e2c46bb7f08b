//! `hectare-launch`: the small program beside the agent. It is carried inside `hectare`, sealed in memory and started
//! from there; people do not call it.
//!
//! ```text
//! hectare-launch supervise                       splits for each container, which is then followed from its gate to its record
//! hectare-launch copy <path> …                   a local file into a sandbox, with the task user's rights
//! hectare-launch download <url> …               a URL that needs more than plain HTTP, by the machine's own curl, likewise
//! hectare-launch unpack <format> …               an archive into a sandbox, likewise
//! hectare-launch layer <diff id> …               a layer of an image into a directory of the store, as root
//! ```

mod fetch;
mod isolate;
mod layer;
mod log;
mod nurse;
mod peers;
mod root;
mod stdio;
mod supervise;
mod task;

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    match words.first().and_then(|word| word.to_str()) {
        Some("supervise") => nurse::run(),
        Some("copy" | "download" | "unpack") => fetch::run(words),
        Some("layer") => layer::run(words),
        _ => ExitCode::from(64),
    }
}
