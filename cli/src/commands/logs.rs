//! `hectare logs`.

use std::process::ExitCode;
use std::time::Duration;

use super::{Common, Target};
use crate::client::{Cluster, Growing, is_terminal, text};
use crate::output;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The task's id, as `hectare ps --all` shows it.
    task: String,
    /// Go on until the task has ended.
    #[arg(short, long)]
    follow: bool,
    /// Another file of the sandbox, as in `stderr`.
    #[arg(long, default_value = "stdout")]
    file: String,
    #[command(flatten)]
    target: Target,
}

/// How often a followed file is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Copies the file to stdout, byte for byte, with what was rotated away from it before.
pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    common.with_cluster(&args.target, async |cluster| {
        let task = cluster.task(&args.task).await?;
        let sandbox = cluster.sandbox(&task).await?;
        let mut file = Growing::new(&args.file);
        loop {
            // Asked before the copy: what the task wrote before it ended is then certainly copied.
            let ended = !args.follow || ended(cluster, &args.task).await?;
            let found = file.copy(&sandbox, output::raw).await?;
            if ended {
                anyhow::ensure!(
                    found,
                    "task {} has no file {:?}; its sandbox may be gone",
                    args.task,
                    args.file
                );
                return Ok(ExitCode::SUCCESS);
            }
            cluster.pause(POLL).await;
        }
    })
}

async fn ended(cluster: &Cluster, task: &str) -> anyhow::Result<bool> {
    Ok(is_terminal(text(&cluster.task(task).await?["state"])))
}
