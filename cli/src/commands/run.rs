//! `hectare run`, also called `execute`: one command, as one task or several.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use model::duration::parse_duration;
use model::{CommandInfo, Environment, HealthCheck, HealthCheckKind, KillPolicy, Role, Uri, Variable};

use super::{Common, Ending, Target};
use crate::job::{self, Job};
use crate::logging::Level;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The name of the task. Unset: that of the program.
    #[arg(long)]
    name: Option<String>,
    /// A line for the shell, instead of a program behind `--`.
    #[arg(long, conflicts_with = "program")]
    command: Option<String>,
    /// What one task needs.
    #[arg(long, default_value = job::RESOURCES)]
    resources: String,
    /// Variables of the task, as a JSON object or as NAME=VALUE; may be given several times.
    #[arg(long)]
    env: Vec<String>,
    /// Something to fetch into the sandbox first; may be given several times.
    #[arg(long = "uri")]
    uris: Vec<String>,
    /// How many of them to run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    instances: u32,
    /// The role whose resources are used.
    #[arg(long, default_value = "*")]
    role: String,
    /// The user to run as. Unset: yours.
    #[arg(long)]
    user: Option<String>,
    /// Who the framework says it is.
    #[arg(long)]
    principal: Option<String>,
    /// Whether the tasks survive a restart of their agent.
    #[arg(long, default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    checkpoint: bool,
    /// Kill it when it takes longer, as in `10secs`.
    #[arg(long = "kill_after", value_parser = duration)]
    kill_after: Option<Duration>,
    /// How long a task that is killed may take to end by itself.
    #[arg(long = "kill_grace", value_parser = duration)]
    kill_grace: Option<Duration>,
    /// A line for the shell that is run beside the task every 10 seconds; after three failures in a row it is killed.
    #[arg(long = "health_command")]
    health_command: Option<String>,
    /// Give the task a terminal, which `hectare attach` takes the place in front of.
    #[arg(long)]
    tty: bool,
    /// Do not copy what the tasks write; it still waits for their end, which is its own.
    #[arg(long = "no-follow")]
    no_follow: bool,
    /// An image the task sees as its root file system; agents must have it (--image_providers).
    #[arg(long = "docker_image")]
    docker_image: Option<String>,
    /// A program and its arguments; the image's own if there are none.
    #[arg(last = true)]
    program: Vec<String>,
}

/// Runs it, and exits as it did.
pub(super) fn run(args: Args, common: &Common) -> anyhow::Result<ExitCode> {
    common.log(Level::Error);
    let (master, credential) = (args.target.master.clone(), args.target.credential()?);
    let runtime = args.target.runtime()?;
    let job = job(args)?;
    let code = runtime.block_on(async {
        let mut ending = Ending::listen()?;
        job::run(&runtime, &master, credential, job, &mut ending).await
    });
    runtime.shutdown();
    code
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

fn job(args: Args) -> anyhow::Result<Job> {
    let mut job = match &args.command {
        Some(line) => {
            let mut job = Job::of_command(&["task".to_owned()]);
            job.command = CommandInfo::shell(line);
            job
        }
        None if args.program.is_empty() && args.docker_image.is_some() => {
            let mut job = Job::of_command(&args.docker_image.iter().cloned().collect::<Vec<_>>());
            job.command = CommandInfo { shell: false, value: None, ..CommandInfo::shell("") };
            job
        }
        None => {
            ensure!(
                !args.program.is_empty(),
                "nothing to run: give --command='LINE' or -- PROGRAM ARGUMENTS"
            );
            Job::of_command(&args.program)
        }
    };
    job.resources = args.resources.parse().with_context(|| format!("--resources={}", args.resources))?;
    let role = Role::from(args.role.as_str());
    role.check().with_context(|| format!("--role={}", args.role))?;
    job.role = role;
    job.command.environment = Environment(environment(&args.env)?);
    job.command.uris = args.uris.iter().map(Uri::new).collect();
    if let Some(name) = args.name {
        ensure!(!name.is_empty() && !name.contains('/'), "--name={name}: a name is not empty and has no `/`");
        job.name = name;
    }
    if let Some(user) = args.user {
        job.user = user;
    }
    job.principal = args.principal;
    job.instances = args.instances;
    job.checkpoint = args.checkpoint;
    job.kill_after = args.kill_after;
    job.kill_policy = args.kill_grace.map(|grace| KillPolicy { grace_period: Some(grace) });
    let ask = |line| HealthCheck::new(HealthCheckKind::Command(CommandInfo::shell(line)));
    job.health_check = args.health_command.map(ask);
    job.tty = args.tty;
    job.image = args.docker_image;
    job.follow = !args.no_follow;
    Ok(job)
}

/// `{"A": "1"}` or `A=1`.
fn environment(given: &[String]) -> anyhow::Result<Vec<Variable>> {
    let mut variables = Vec::new();
    for text in given {
        if text.trim_start().starts_with('{') {
            let object: std::collections::BTreeMap<String, String> = serde_json::from_str(text)
                .with_context(|| format!("--env={text}: not an object of strings"))?;
            variables.extend(object.into_iter().map(|(name, value)| Variable::new(name, value)));
        } else {
            let (name, value) =
                text.split_once('=').with_context(|| format!("--env={text}: neither JSON nor NAME=VALUE"))?;
            variables.push(Variable::new(name, value));
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_as_json_or_as_pairs() {
        let all = environment(&["A=1=2".into(), r#"{"B": "x"}"#.into()]).unwrap();
        assert_eq!(all, [Variable::new("A", "1=2"), Variable::new("B", "x")]);
        assert!(environment(&["A".into()]).unwrap_err().to_string().contains("NAME=VALUE"));
        assert!(environment(&["{\"A\": 1}".into()]).is_err());
    }
}
