//! `hectare log members`, `add`, `remove` and `transfer`.

use std::net::ToSocketAddrs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{Common, Target};
use crate::client::{Cluster, text};
use crate::output::{self, Format};

/// Between two looks whether a new master votes.
const POLL: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// `host:port` of the new master, which runs on an empty directory with a --masters that names the others and itself.
    address: String,
    /// How many seconds it has to catch up; it goes on by itself afterwards.
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// Its `host:port`, or its node id.
    member: String,
    /// Also if too few of the masters that are left answer.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
pub(super) struct Transfer {
    /// The next leader, by `host:port` or node id; the master that is nearest if none is named.
    #[arg(long)]
    to: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// One row a member.
pub(super) fn list(target: &Target, common: &Common) -> anyhow::Result<ExitCode> {
    let status = common.with_cluster(target, async |cluster| leader(cluster).await)?;
    print(&status, common)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn add(args: &Add, common: &Common) -> anyhow::Result<ExitCode> {
    let address = resolved(&args.address)?;
    let status = common.with_cluster(&args.target, async |cluster| {
        cluster.post_log("/log/add", &[("address", &address)]).await?;
        let mut said = None;
        for _ in 0..args.timeout.saturating_mul(1000) / POLL.as_millis() as u64 {
            // A leader that changes meanwhile is found again.
            if let Ok(status) = leader(cluster).await {
                let member = member(&status, &address);
                let role = member.map_or("", |member| text(&member["role"]));
                if role == "voter" && status["changing"] == false {
                    return Ok(status);
                }
                let lag = member.and_then(|member| member["lag"].as_u64());
                let now = format!("{address} is told the log, {} entries behind", lag.map_or("some".into(), |lag| lag.to_string()));
                if said.as_ref() != Some(&now) {
                    output::progress(&now);
                    said = Some(now);
                }
            }
            cluster.pause(POLL).await;
        }
        bail!(
            "{address} was taken in and is told the log, but does not vote after {} s; `hectare log status` shows how far it is",
            args.timeout
        )
    })?;
    print(&status, common)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn remove(args: &Remove, common: &Common) -> anyhow::Result<ExitCode> {
    let member = resolved(&args.member).unwrap_or_else(|_| args.member.clone());
    let force = args.force.to_string();
    let left = common.with_cluster(&args.target, async |cluster| {
        cluster.post_log("/log/remove", &[("node", &member), ("force", &force)]).await
    });
    let left = left.map_err(|error| match args.force {
        true => error,
        false => error.context("nothing was changed; --force takes it out also if few are left"),
    });
    print(&left?, common)?;
    if common.format == Format::Table {
        output::progress(format_args!(
            "{member} takes no part any more; it can be stopped, and its directory removed"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn transfer(args: &Transfer, common: &Common) -> anyhow::Result<ExitCode> {
    let to = args.to.as_deref().map(|to| resolved(to).unwrap_or_else(|_| to.to_owned()));
    let answer = common.with_cluster(&args.target, async |cluster| {
        let form: Vec<(&str, &str)> = to.iter().map(|to| ("to", to.as_str())).collect();
        cluster.post_log("/log/transfer", &form).await
    })?;
    match common.format {
        Format::Json => output::line(&answer)?,
        Format::Table => output::line(format_args!("{} leads", text(&answer["leader"])))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What the leader says.
async fn leader(cluster: &Cluster) -> anyhow::Result<Value> {
    let mut failure = None;
    for master in &cluster.masters().await? {
        let said = async {
            let status = cluster.get_from(master, "/log/status").await?;
            if status["leads"] == true {
                return anyhow::Ok(status);
            }
            let leader = text(&status["leader"]["address"]).to_owned();
            if leader.is_empty() {
                bail!("{master} knows of no leader; `hectare log status` shows how each master does");
            }
            cluster.get_from(&leader, "/log/status").await
        };
        match said.await {
            Ok(status) => return Ok(status),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| anyhow::anyhow!("--master names no master")))
}

fn member<'a>(status: &'a Value, address: &str) -> Option<&'a Value> {
    status["members"].as_array()?.iter().find(|member| member["address"] == address)
}

fn print(status: &Value, common: &Common) -> anyhow::Result<()> {
    if common.format == Format::Json {
        let members = json!({ "members": status["members"], "changing": status["changing"] });
        return output::line(members);
    }
    let members = status["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row =
        |member: &Value| ["address", "node", "role"].map(|name| text(&member[name]).to_owned()).to_vec();
    output::table(&["address", "node", "role"], members.iter().map(row).collect(), "Nobody takes part yet.")?;
    if status["changing"] == true {
        output::progress("one set of voters is being replaced by another");
    }
    Ok(())
}

/// `ip:port` of what was typed; replicas know each other by that.
fn resolved(text: &str) -> anyhow::Result<String> {
    let mut found = text
        .to_socket_addrs()
        .with_context(|| format!("{text:?} is no host:port, or cannot be looked up"))?;
    let address = found.next().with_context(|| format!("{text:?} has no address"))?;
    Ok(address.to_string())
}
