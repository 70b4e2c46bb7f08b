//! `hectare exec`.

use std::process::ExitCode;

use api::v1;
use api::v1::agent::{Call, call};

use super::{Common, Target};
use crate::client::{Inside, Reading};
use crate::console;
use crate::{output, session};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The task's id, as `hectare ps` shows it.
    task: String,
    /// Pass standard input on.
    #[arg(short, long)]
    interactive: bool,
    /// Give the command a terminal.
    #[arg(short, long)]
    tty: bool,
    /// What to run, and its words.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    #[command(flatten)]
    target: Target,
}

/// Runs a command beside a task: in its container, its directory, with its environment. Exits as the command does.
pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    common.with_cluster(&args.target, async |cluster| {
        let inside = cluster.inside(&args.task).await?;
        let id = inside.child();
        let reading = launch(&inside, &id, args).await?;
        session::run(cluster, &inside, &id, reading, args.interactive, args.tty, false).await?;
        let end = inside.wait(&id).await?;
        inside.remove(&id).await?;
        // It could not be started, or was not let go on; a command that ends by itself says why by itself.
        if let Some(why) = end.message {
            output::complain(&anyhow::anyhow!(why));
        }
        Ok(ExitCode::from(session::code(end.exit_status)))
    })
}

async fn launch(inside: &Inside, id: &v1::ContainerId, args: &Args) -> anyhow::Result<Reading> {
    let command = v1::CommandInfo {
        shell: Some(false),
        value: args.command.first().cloned(),
        arguments: args.command.clone(),
        ..Default::default()
    };
    let container = args.tty.then(|| v1::ContainerInfo {
        r#type: v1::container_info::Type::Mesos.into(),
        tty_info: Some(v1::TtyInfo { window_size: console::window() }),
        ..Default::default()
    });
    let session =
        call::LaunchNestedContainerSession { container_id: id.clone(), command: Some(command), container };
    let call = Call {
        r#type: Some(call::Type::LaunchNestedContainerSession.into()),
        launch_nested_container_session: Some(session),
        ..Call::default()
    };
    inside.read(&call).await
}
