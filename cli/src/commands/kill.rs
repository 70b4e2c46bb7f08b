//! `hectare kill`.

use std::process::ExitCode;

use super::{Common, Target};
use crate::client::{is_terminal, text};
use crate::output;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The task's id, as `hectare ps` shows it.
    task: String,
    #[command(flatten)]
    target: Target,
}

/// Asks the master; the task's own grace period holds.
pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    common.with_cluster(&args.target, async |cluster| {
        let task = cluster.task(&args.task).await?;
        let state = text(&task["state"]);
        anyhow::ensure!(!is_terminal(state), "task {} has ended already: {state}", args.task);
        let form = [("frameworkId", text(&task["framework_id"])), ("taskId", &args.task)];
        cluster.post("/kill-task", &form).await?;
        output::progress(format_args!("asked to kill {}", args.task));
        Ok(ExitCode::SUCCESS)
    })
}
