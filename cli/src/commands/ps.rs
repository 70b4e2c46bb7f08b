//! `hectare ps`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::Value;

use super::{Common, Target};
use crate::client::{is_terminal, text};
use crate::output::{self, Format};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Those that have ended, too.
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    target: Target,
}

/// One row a task, newest last.
pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    let (tasks, hosts) = common.with_cluster(&args.target, async |cluster| {
        let tasks = cluster.get("/tasks?limit=-1&order=asc").await?;
        let agents = cluster.get("/slaves").await?;
        Ok((list(&tasks["tasks"]), hosts(&agents["slaves"])))
    })?;
    let tasks: Vec<Value> =
        tasks.into_iter().filter(|task| args.all || !is_terminal(text(&task["state"]))).collect();
    if common.format == Format::Json {
        output::line(Value::from(tasks))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = tasks.iter().map(|task| row(task, &hosts)).collect();
    let headings = ["task", "name", "state", "cpus", "mem", "agent", "framework"];
    let empty =
        if args.all { "No task is known." } else { "No task is running; --all shows those that ended." };
    output::table(&headings, rows, empty)?;
    Ok(ExitCode::SUCCESS)
}

fn row(task: &Value, hosts: &BTreeMap<String, String>) -> Vec<String> {
    let agent = text(&task["slave_id"]);
    let amount = |name: &str| task["resources"][name].to_string().trim_end_matches(".0").to_owned();
    vec![
        text(&task["id"]).to_owned(),
        text(&task["name"]).to_owned(),
        text(&task["state"]).trim_start_matches("TASK_").to_lowercase(),
        amount("cpus"),
        amount("mem"),
        hosts.get(agent).cloned().unwrap_or_else(|| agent.to_owned()),
        text(&task["framework_id"]).to_owned(),
    ]
}

/// `host:port` by agent id; the port tells apart agents on one machine.
fn hosts(agents: &Value) -> BTreeMap<String, String> {
    let named = |agent: &Value| {
        let port = text(&agent["pid"]).rsplit(':').next().unwrap_or_default().to_owned();
        (text(&agent["id"]).to_owned(), format!("{}:{port}", text(&agent["hostname"])))
    };
    list(agents).iter().map(named).collect()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
