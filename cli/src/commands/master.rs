//! `hectare master`.

use std::process::ExitCode;

use master::flags::Flags;

use super::Common;
use super::serve::{Address, Ending};
use crate::logging::Level;
use crate::output::{self, Format};

/// Serves until a signal.
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
    runtime.block_on(async {
        let mut ending = Ending::listen()?;
        master::ready(&runtime, &master).await?;
        match common.format {
            Format::Json => output::line(serde_json::json!({ "address": runtime.address().to_string() }))?,
            Format::Table => output::progress(format_args!("master on http://{}", runtime.address())),
        }
        ending.wait().await;
        anyhow::Ok(())
    })?;
    runtime.shutdown();
    Ok(ExitCode::SUCCESS)
}
