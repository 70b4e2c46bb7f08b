//! `hectare master`.

use std::pin::pin;
use std::process::ExitCode;

use futures_util::future::{Either, select};
use master::flags::Flags;

use super::Common;
use super::serve::{Address, Ending};
use crate::logging::Level;
use crate::output::{self, Format};

/// Serves until a signal, or until a part it cannot do without panics.
pub(super) fn run(flags: &Flags, common: &Common) -> anyhow::Result<ExitCode> {
    common.log(Level::Info);
    let config = flags.config()?;
    let address = Address {
        ip: flags.ip.as_deref(),
        port: flags.port,
        advertise_ip: flags.advertise_ip.as_deref(),
        advertise_port: flags.advertise_port,
    };
    let runtime = address.listen("master", 2)?;
    let master = master::spawn(&runtime, config)?;
    let failure = runtime.block_on(async {
        let mut ending = Ending::listen()?;
        master::ready(&runtime, &master).await?;
        match common.format {
            Format::Json => output::line(serde_json::json!({ "address": runtime.address().to_string() }))?,
            Format::Table => output::progress(format_args!("master on http://{}", runtime.address())),
        }
        let (signalled, failed) = (pin!(ending.wait()), pin!(runtime.failed()));
        anyhow::Ok(match select(signalled, failed).await {
            Either::Left(_) => None,
            Either::Right((failure, _)) => Some(failure),
        })
    })?;
    runtime.shutdown();
    match failure {
        None => Ok(ExitCode::SUCCESS),
        Some(failure) => Err(failure.into()),
    }
}
