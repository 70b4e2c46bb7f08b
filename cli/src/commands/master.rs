//! `hectare master`.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use detector::Announcer;
use futures_util::future::{Either, select};
use libprocess::{Pid, Runtime};
use master::flags::Flags;
use master::{Config, Election, Standing};
use replicated_log::{Phase, Replica, Status, Watch};

use super::Common;
use super::files::OpenFiles;
use super::serve::{Address, Ending, Protection};
use crate::logging::Level;
use crate::output::{self, Format};

/// How long ZooKeeper may take to hear that this master ends; else it notices by itself.
const FAREWELL: Duration = Duration::from_secs(1);

/// Between two looks whether the only master leads.
const READY_POLL: Duration = Duration::from_millis(1);

/// Serves until a signal, or until a part it cannot do without panics or fails.
pub(super) fn run(flags: &Flags, common: &Common) -> anyhow::Result<ExitCode> {
    common.log(Level::Info);
    let config = flags.config()?;
    let address = Address {
        ip: flags.ip.as_deref(),
        port: flags.port,
        advertise_ip: flags.advertise_ip.as_deref(),
        advertise_port: flags.advertise_port,
        protection: Protection { open: flags.access.open(), trusted: flags.access.common.allow_insecure },
        open_files: OpenFiles::raise()?,
    };
    let several = flags.masters.as_deref().is_some_and(|masters| masters.contains(','));
    let runtime = address.listen("master", 2, |before| flags.access.links(before, several))?;
    let failure = runtime.block_on(async {
        let mut ending = Ending::listen()?;
        let (election, announcer) = begin(&runtime, flags, config).await?;
        match common.format {
            Format::Json => output::line(serde_json::json!({ "address": runtime.address().to_string() }))?,
            Format::Table => output::progress(format_args!(
                "master on {}",
                runtime.client().url(&runtime.address().to_string(), "")
            )),
        }
        let closed = async {
            match &election {
                Some((election, status)) => {
                    election.wait().await;
                    status.get().phase
                }
                None => std::future::pending().await,
            }
        };
        let broken = async {
            let (failed, closed) = (pin!(runtime.failed()), pin!(closed));
            match select(failed, closed).await {
                Either::Left((failure, _)) => anyhow::Error::from(failure),
                Either::Right((Phase::Damaged(why), _)) => {
                    anyhow!("the registry cannot be kept any more: {why}")
                }
                Either::Right(_) => {
                    anyhow!("the replica of the registry has stopped; the log above says why")
                }
            }
        };
        let (signalled, broken) = (pin!(ending.wait()), pin!(broken));
        let failure = match select(signalled, broken).await {
            Either::Left(_) => None,
            Either::Right((failure, _)) => Some(failure),
        };
        if let Some(announcer) = announcer {
            announcer.withdraw(FAREWELL).await;
        }
        anyhow::Ok(failure)
    })?;
    runtime.shutdown();
    match failure {
        None => Ok(ExitCode::SUCCESS),
        Some(failure) => Err(failure),
    }
}

/// Starts the master. One that is alone is waited for until it leads; one of several may have to wait for the others,
/// and stands by meanwhile. Gives what ends when the registry cannot be kept any more, and what tells ZooKeeper.
async fn begin(
    runtime: &Runtime,
    flags: &Flags,
    config: Config,
) -> anyhow::Result<(Option<(Pid<Election>, Watch<Status>)>, Option<Announcer>)> {
    let Some(log) = flags.replica(runtime.address())? else {
        let master = master::spawn(runtime, config)?;
        master::ready(runtime, &master).await?;
        return Ok((None, None));
    };
    let (dir, masters) = (log.dir.display().to_string(), log.masters.len());
    let replica = Replica::open(runtime, log).await;
    let replica = replica.with_context(|| format!("cannot open the registry in {dir}"))?;
    let status = replica.status();
    let Standing { election, published, announcer } = master::stand(runtime, config, replica)?;
    if masters <= 1 {
        while published.load().leader.is_none() || (leads(&published) && !published.load().leading) {
            runtime.sleep(READY_POLL).await;
        }
    }
    Ok((Some((election, status)), announcer))
}

fn leads(published: &master::Published) -> bool {
    let snapshot = published.load();
    snapshot.leader.as_ref().is_some_and(|leader| leader.address == snapshot.identity.address)
}
