//! `hectare attach`.

use std::process::ExitCode;

use anyhow::Context;
use api::v1::agent::{Call, call};

use super::{Common, Target};
use crate::session;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The task's id, as `hectare ps` shows it.
    task: String,
    /// Only look on.
    #[arg(long = "no-stdin")]
    no_stdin: bool,
    #[command(flatten)]
    target: Target,
}

/// Takes the place in front of a task's terminal, until it ends or one leaves with Ctrl-P Ctrl-Q.
pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    common.with_cluster(&args.target, async |cluster| {
        let inside = cluster.inside(&args.task).await?;
        let id = inside.container().clone();
        let output = call::AttachContainerOutput { container_id: id.clone() };
        let call = Call {
            r#type: Some(call::Type::AttachContainerOutput.into()),
            attach_container_output: Some(output),
            ..Call::default()
        };
        let reading = inside.read(&call).await.with_context(|| {
            format!(
                "cannot attach to {}, unless it was given a terminal (`hectare run --tty`); `hectare logs` shows what it wrote",
                args.task
            )
        })?;
        session::run(cluster, &inside, &id, reading, !args.no_stdin, true, true).await?;
        Ok(ExitCode::SUCCESS)
    })
}
