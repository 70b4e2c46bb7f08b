//! `hectare why`.

use std::process::ExitCode;

use serde_json::Value;

use super::{Common, Target};
use crate::client::{self, text};
use crate::output::{self, Format};

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("whom").required(true)))]
pub(super) struct Args {
    /// The framework that waits: its id, or its name if no other has it.
    #[arg(long, group = "whom")]
    framework: Option<String>,
    /// Everybody in this role.
    #[arg(long, group = "whom")]
    role: Option<String>,
    /// What an offer should hold at least, as in `cpus:2;mem:64`. Unset: any offer.
    #[arg(long)]
    resources: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// Says why no more is offered, counted by reason, and what would help.
pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let (what, whom) = match (&args.framework, &args.role) {
        (Some(framework), _) => ("framework", framework),
        (None, role) => ("role", role.as_ref().expect("one of them is required")),
    };
    let path = client::why(what, whom, args.resources.as_deref().unwrap_or_default());
    let why = common.with_cluster(&args.target, async |cluster| cluster.get(&path).await)?;
    if common.format == Format::Json {
        output::line(why)?;
        return Ok(ExitCode::SUCCESS);
    }
    if why["paused"] == true {
        output::line("Nothing is allocated at the moment: the master waits for agents after a failover.")?;
    }
    for answer in why["answers"].as_array().map(Vec::as_slice).unwrap_or_default() {
        output::line(format_args!(
            "{} ({}) in role {}, {} of {} agents looked at",
            text(&answer["name"]),
            text(&answer["framework_id"]),
            text(&answer["role"]),
            answer["looked_at"],
            why["agents"],
        ))?;
        let reasons = answer["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
        let row = |reason: &Value| {
            vec![
                reason["agents"].to_string(),
                text(&reason["reason"]).to_owned(),
                text(&reason["what"]).to_owned(),
            ]
        };
        output::table(&["agents", "reason", ""], reasons.iter().map(row).collect(), "There are no agents.")?;
        if let Some(change) = answer["help"]["change"].as_str() {
            output::line(format_args!("to open {} of them: {change}", answer["help"]["agents"]))?;
        }
        output::line("")?;
    }
    Ok(ExitCode::SUCCESS)
}
