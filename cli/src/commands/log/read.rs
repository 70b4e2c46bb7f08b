//! `hectare log read`.

use std::path::PathBuf;
use std::process::ExitCode;

use ::master::registrar::Registry;
use replicated_log::Directory;
use serde_json::{Value, json};

use super::{Common, Target, replica_of};
use crate::client::text;
use crate::output::{self, Format};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first position; the oldest that is kept if not said.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// The last position; the newest if not said.
    #[arg(long)]
    to: Option<u64>,
    /// The --work_dir of a master that does not run, read in place of asking one that does.
    #[arg(long = "work_dir", value_name = "DIR")]
    work_dir: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// One line an entry, oldest first.
pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    match &args.work_dir {
        Some(dir) => offline(args, dir, common)?,
        None => online(args, common)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn online(args: &Args, common: &Common) -> anyhow::Result<()> {
    common.with_cluster(&args.target, async |cluster| {
        let mut next = args.from;
        loop {
            let to = args.to.map(|to| to.to_string()).unwrap_or_default();
            let answer = cluster.get_log(&format!("/log/entries?from={next}&to={to}")).await?;
            let entries = answer["entries"].as_array().cloned().unwrap_or_default();
            for entry in &entries {
                line(entry, common)?;
            }
            let Some(last) = entries.last().and_then(|entry| entry["index"].as_u64()) else { return Ok(()) };
            next = last + 1;
        }
    })
}

fn offline(args: &Args, dir: &std::path::Path, common: &Common) -> anyhow::Result<()> {
    let runtime = common.asking()?;
    let read = runtime.block_on(async {
        let mut directory = Directory::open(runtime.environment(), &replica_of(dir))?;
        let committed = directory.about::<Registry>().await?.committed;
        let mut next = args.from;
        loop {
            let entries = directory.entries::<Registry>(next, args.to.unwrap_or(u64::MAX - 1))?;
            for entry in &entries {
                let state = if entry.index <= committed { "committed" } else { "not known to be committed" };
                let entry = json!({ "index": entry.index, "term": entry.term, "kind": entry.kind, "what": entry.what, "state": state });
                line(&entry, common)?;
            }
            let Some(last) = entries.last() else { return anyhow::Ok(()) };
            next = last.index + 1;
        }
    });
    runtime.shutdown();
    read
}

fn line(entry: &Value, common: &Common) -> anyhow::Result<()> {
    if common.format == Format::Json {
        return output::line(entry);
    }
    let doubt =
        if entry["state"] == "committed" { String::new() } else { format!("  ({})", text(&entry["state"])) };
    output::line(format_args!(
        "{:>8}  term {:<4} {:<8} {}{doubt}",
        entry["index"].to_string(),
        entry["term"].to_string(),
        text(&entry["kind"]),
        text(&entry["what"])
    ))
}
