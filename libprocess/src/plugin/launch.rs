//! Starts a plugin's program with its invitation.

use std::time::Duration;

use super::host::{IssueError, Plugins, issue};
use super::join::{HOST, TOKEN};
use crate::Pid;
use crate::toolbox::subprocess::{Program, Subprocess, SubprocessError};

/// How long a program may take from its start to its first slot.
const JOINS_WITHIN: Duration = Duration::from_secs(60);

/// Why a plugin was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("failed to make a token")]
    Issue(#[from] IssueError),
    #[error(transparent)]
    Start(#[from] SubprocessError),
}

/// Starts a program that may fill `slots`; it finds its [`Invitation`](super::Invitation) in its
/// environment. It ends, with all it started, when the [`Subprocess`] is dropped.
///
/// Errors: when there is no token to be had, or the program does not start.
pub async fn launch(
    plugins: &Pid<Plugins>,
    mut program: Program,
    slots: &[&str],
) -> Result<Subprocess, LaunchError> {
    let token = issue(plugins, slots, JOINS_WITHIN).await?;
    program.env.push((HOST.into(), plugins.upid().to_string().into()));
    program.env.push((TOKEN.into(), token.reveal().into()));
    Ok(program.start()?)
}
