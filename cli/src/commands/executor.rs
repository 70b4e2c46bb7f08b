//! `hectare executor`, started by agents: the executors that come with them.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command executor, or with `--group` the one for task groups; both are told the rest by
/// their environment.
pub(crate) fn executor(arguments: &[OsString]) -> ExitCode {
    if arguments.iter().any(|argument| argument == "--group") {
        executor::group::main()
    } else {
        executor::command::main()
    }
}
