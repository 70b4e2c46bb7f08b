//! `hectare agent`.

use std::pin::pin;
use std::process::ExitCode;

use agent::flags::Flags;
use anyhow::Context;
use futures_util::future::{Either, select};
use libprocess::Reason;

use super::Common;
use super::files::OpenFiles;
use super::serve::{Address, Ending, Protection};
use crate::logging::Level;
use crate::output::{self, Format};

/// Serves until a signal, or until the agent ends by itself: its master told it to, or its journal failed. Tasks go on
/// without it: the next agent on this work directory finds them.
pub(super) fn run(flags: &Flags, common: &Common) -> anyhow::Result<ExitCode> {
    common.log(Level::Info);
    let mut config = flags.config()?;
    let open_files = OpenFiles::raise()?;
    config.isolation.open_files = Some((open_files.soft, open_files.hard));
    let address = |port| Address {
        ip: flags.ip.as_deref(),
        port,
        advertise_ip: flags.advertise_ip.as_deref(),
        advertise_port: flags.advertise_port,
        protection: Protection { open: flags.access.open(), trusted: flags.access.common.allow_insecure },
        open_files,
    };
    let listen = |port| address(port).listen("slave(1)", 1, |before| flags.access.links(before));
    // Executors of an agent on any free port come back to the one they know.
    let before = (flags.port == 0).then(|| agent::port::last(&config.work_dir)).flatten();
    let runtime = match before.map(listen) {
        Some(Ok(runtime)) => runtime,
        Some(Err(error)) => {
            tracing::warn!(?before, %error, "the port of before cannot be had; executors will not come back");
            listen(flags.port)?
        }
        None => listen(flags.port)?,
    };
    let (work_dir, port) = (config.work_dir.clone(), runtime.address().port());
    let agent = agent::spawn(&runtime, config)?;
    // Only now: before, another agent may be at work there.
    if flags.port == 0 {
        agent::port::keep(&work_dir, port).context("the port cannot be kept for the next agent")?;
    }
    let ended: anyhow::Result<anyhow::Result<ExitCode>> = runtime.block_on(async {
        let mut ending = Ending::listen()?;
        match common.format {
            Format::Json => output::line(serde_json::json!({ "address": runtime.address().to_string() }))?,
            Format::Table => output::progress(format_args!(
                "agent on {}",
                runtime.client().url(&runtime.address().to_string(), "")
            )),
        }
        let (signalled, agent, failed) = (pin!(ending.wait()), pin!(agent.wait()), pin!(runtime.failed()));
        // A failure is asked about first: the agent's own end may be what it led to.
        Ok(match select(failed, select(signalled, agent)).await {
            Either::Left((failure, _)) => Err(failure.into()),
            Either::Right((Either::Left(_) | Either::Right((Reason::Stopped, _)), _)) => {
                Ok(ExitCode::SUCCESS)
            }
            Either::Right((Either::Right((reason, _)), _)) => {
                Err(anyhow::anyhow!("the agent ended: {reason}"))
            }
        })
    });
    runtime.shutdown();
    ended?
}
