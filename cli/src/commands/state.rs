//! `hectare state`.

use std::process::ExitCode;

use serde_json::Value;

use super::{Common, Target};
use crate::client::text;
use crate::output::{self, Format};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
}

/// The whole of `/state` as JSON, or its sum for a person.
pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let state = common.with_cluster(&args.target, async |cluster| cluster.get("/state").await)?;
    if common.format == Format::Json {
        output::line(state)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!(
        "master {} at {}, Mesos API {}",
        text(&state["id"]),
        text(&state["pid"]),
        text(&state["version"])
    ))?;
    output::line("")?;
    let agents = rows(&state["slaves"], |agent| {
        let used = |name| {
            format!("{}/{}", number(&agent["used_resources"][name]), number(&agent["resources"][name]))
        };
        vec![
            text(&agent["id"]).to_owned(),
            text(&agent["pid"]).split('@').nth(1).unwrap_or_default().to_owned(),
            if agent["active"] == true { "active" } else { "inactive" }.to_owned(),
            used("cpus"),
            used("mem"),
            used("disk"),
        ]
    });
    let headings = ["agent", "address", "state", "cpus used", "mem used", "disk used"];
    output::table(&headings, agents, "No agent is registered.")?;
    output::line("")?;
    let frameworks = rows(&state["frameworks"], |framework| {
        vec![
            text(&framework["id"]).to_owned(),
            text(&framework["name"]).to_owned(),
            if framework["connected"] == true { "connected" } else { "disconnected" }.to_owned(),
            framework["tasks"].as_array().map_or(0, Vec::len).to_string(),
            number(&framework["used_resources"]["cpus"]),
            number(&framework["used_resources"]["mem"]),
        ]
    });
    output::table(
        &["framework", "name", "state", "tasks", "cpus", "mem"],
        frameworks,
        "No framework is subscribed.",
    )?;
    Ok(ExitCode::SUCCESS)
}

fn rows(list: &Value, row: impl Fn(&Value) -> Vec<String>) -> Vec<Vec<String>> {
    list.as_array().map(|list| list.iter().map(row).collect()).unwrap_or_default()
}

fn number(value: &Value) -> String {
    value.to_string().trim_end_matches(".0").to_owned()
}
