//! From the start of the OS process to its end.

use std::error::Error;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use libprocess::{Config, Runtime, Spawn, TlsError, VariableError};

use crate::actor::Running;
use crate::environment::{Environment, EnvironmentError};
use crate::executor::Executor;

/// Why an executor could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    Variables(#[from] VariableError),
    #[error("failed to read whom to believe")]
    Tls(#[from] TlsError),
    #[error("failed to start the runtime")]
    Runtime(#[source] libprocess::StartError),
    #[error("failed to start the executor's process")]
    Process(#[source] libprocess::SpawnError),
}

/// What happens to an executor that outstays its grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It and its process group are killed: this OS process is its own.
    Kill,
    /// Its process ends: others live in this OS process.
    Stop,
}

impl End {
    pub(crate) fn force(self) {
        if self == End::Kill {
            let _ = nix::sys::signal::killpg(nix::unistd::getpgrp(), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// Runs an executor as this OS process, until it stops.
///
/// Errors: when the environment is not an executor's, or nothing can be started.
pub fn run<E: Executor>(executor: impl FnOnce() -> E + Send + 'static) -> Result<(), StartError> {
    let environment = Environment::read()?;
    // One is started for every task: no listener, no HTTP threads, one shard.
    let config = Config::asking(std::env::vars_os().filter_map(unicode))?.read()?;
    let runtime = Runtime::start(config).map_err(StartError::Runtime)?;
    let process = spawn(&runtime, environment, End::Kill, executor)?;
    runtime.block_on(process.wait());
    runtime.shutdown();
    Ok(())
}

fn unicode((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// Says into the sandbox why an executor of ours did not start.
pub(crate) fn exit_code(ran: Result<(), StartError>) -> ExitCode {
    let Err(error) = ran else {
        return ExitCode::SUCCESS;
    };
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let _ = writeln!(std::io::stderr(), "executor: {error}{cause}");
    ExitCode::FAILURE
}

/// Runs an executor in a runtime that may hold others: in tests and simulation.
///
/// Errors: when the process cannot be started.
pub fn spawn_in<E: Executor>(
    runtime: &Runtime,
    environment: Environment,
    executor: impl FnOnce() -> E + Send + 'static,
) -> Result<libprocess::Pid<Running<E>>, StartError> {
    spawn(runtime, environment, End::Stop, executor)
}

fn spawn<E: Executor>(
    runtime: &Runtime,
    environment: Environment,
    end: End,
    executor: impl FnOnce() -> E + Send + 'static,
) -> Result<libprocess::Pid<Running<E>>, StartError> {
    let make = move || Running::new(executor(), environment, end);
    runtime.spawn(Spawn::prefixed("executor"), make).map_err(StartError::Process)
}
