//! `hectare simulate`: a cluster in one thread, from a scenario or from flags.

use std::io::IsTerminal;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use model::duration::parse_duration;
use serde_json::json;
use simulation::{
    Framework, Kind, Mix, Outcome, Plan, Setup, TaskFaults, report, run, scenario, shrink, trace,
};

use super::Common;
use crate::logging::Level;
use crate::output::{self, Format};

/// What is simulated.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario file; the flags that describe a cluster then say nothing.
    scenario: Option<PathBuf>,
    /// Everything that chance decides follows from it; `1..=100` runs each of them and stops at the first that fails.
    /// Unset: the scenario's own, or 1.
    #[arg(long, value_parser = seeds)]
    seed: Option<RangeInclusive<u64>>,
    /// How many masters: 1, 3, 5 or 7
    #[arg(long, default_value_t = 3, conflicts_with = "scenario")]
    masters: usize,
    /// How many agents
    #[arg(long, default_value_t = 100, conflicts_with = "scenario")]
    agents: usize,
    /// What each agent has
    #[arg(long, default_value = "cpus:16;mem:65536", conflicts_with = "scenario")]
    resources: String,
    /// How many frameworks, each with a role of its own
    #[arg(long, default_value_t = 4, conflicts_with = "scenario")]
    frameworks: usize,
    /// How many tasks in all
    #[arg(long, default_value_t = 1000, conflicts_with_all = ["scenario", "trace"])]
    tasks: usize,
    /// What they are: services, bursts, long-tails, gangs, mixed or contest
    #[arg(long, default_value = "mixed", conflicts_with_all = ["scenario", "trace"])]
    mix: Kind,
    /// How long those last that are no services, in the mean
    #[arg(long, default_value = "1mins", value_parser = time, conflicts_with_all = ["scenario", "trace"])]
    mean: Duration,
    /// Jobs from this file instead: `job framework arrival tasks resources duration [constraint]`, one a line
    #[arg(long, conflicts_with = "scenario")]
    trace: Option<PathBuf>,
    /// How long, in simulated time
    #[arg(long = "for", default_value = "10mins", value_parser = time, conflicts_with = "scenario")]
    lasts: Duration,
    /// Something goes wrong this often, in the mean: crashes, partitions, full disks, wrong clocks
    #[arg(long, value_parser = time, conflicts_with = "scenario")]
    trouble: Option<Duration>,
    /// Operators do something this often, in the mean: drains, maintenance, quotas, weights, masters that come and go
    #[arg(long, value_parser = time, conflicts_with = "scenario")]
    operators: Option<Duration>,
    /// What if: a statement as scenarios have it, such as `at 0secs grow 200`; may be said several times. The cluster
    /// is run without and with them, and both are shown side by side.
    #[arg(long = "with", value_name = "STATEMENT")]
    with: Vec<String>,
    /// Where a plan that fails is written, as a scenario; unset: `simulate-seed-N.txt` in this directory
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// A page with plots is written here
    #[arg(long)]
    html: Option<PathBuf>,
    /// Prints what happened, a line each
    #[arg(long)]
    transcript: bool,
}

pub(super) fn run_it(args: &Args, common: &Common) -> anyhow::Result<ExitCode> {
    common.log(Level::Error);
    let base = plan(args)?;
    let seeds = args.seed.clone().unwrap_or(base.setup.seed..=base.setup.seed);
    let many = seeds.end() > seeds.start();
    for seed in seeds {
        let plan = match args.seed {
            None => base.clone(),
            Some(_) => seeded(args, seed)?,
        };
        if !args.with.is_empty() {
            return compare(args, common, &plan);
        }
        let outcome = simulate(&plan, many)?;
        let failed = !outcome.wrongs.is_empty();
        if many && !failed {
            output::progress(format_args!("seed {seed}: well, {} events", outcome.events));
            continue;
        }
        let (plan, outcome) = if failed && many { smaller(plan, outcome) } else { (plan, outcome) };
        show(args, common, &plan, &outcome)?;
        if failed {
            complain(args, &plan, &outcome)?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The plan under a seed of the command line's.
fn seeded(args: &Args, seed: u64) -> anyhow::Result<Plan> {
    if let Some(path) = &args.scenario {
        let text = format!("{}\nseed {seed}\n", text(path)?);
        return scenario::read(&text).with_context(|| path.display().to_string());
    }
    described(args, seed)
}

fn plan(args: &Args) -> anyhow::Result<Plan> {
    match &args.scenario {
        Some(path) => scenario::read(&text(path)?).with_context(|| path.display().to_string()),
        None => described(args, args.seed.as_ref().map_or(1, |seeds| *seeds.start())),
    }
}

/// What the flags describe.
fn described(args: &Args, seed: u64) -> anyhow::Result<Plan> {
    ensure!(
        (1..=1000).contains(&args.frameworks),
        "--frameworks: {} is not between 1 and 1000",
        args.frameworks
    );
    ensure!(args.tasks <= 10_000_000, "--tasks: {} is more than 10,000,000", args.tasks);
    ensure!(!args.lasts.is_zero(), "--for: must be more than nothing");
    for (flag, every) in [("trouble", args.trouble), ("operators", args.operators)] {
        ensure!(every.is_none_or(|every| !every.is_zero()), "--{flag}: must be more than nothing");
    }
    let setup = Setup {
        seed,
        masters: args.masters,
        agents: args.agents,
        resources: args.resources.parse().with_context(|| format!("--resources={}", args.resources))?,
        ..Setup::default()
    };
    let (jobs, frameworks) = match &args.trace {
        Some(path) => traced(path, args.lasts)?,
        None => {
            let names: Vec<String> =
                (0..args.frameworks).map(|number| format!("framework{number}")).collect();
            let mix = Mix {
                kind: args.mix,
                frameworks: names.clone(),
                tasks: args.tasks,
                within: args.lasts / 2,
                mean: args.mean,
                faults: TaskFaults::default(),
            };
            let role = |number: usize| format!("role{number}");
            let frameworks = names.into_iter().enumerate().map(|(at, name)| Framework::new(name, role(at)));
            (mix.draw(seed), frameworks.collect())
        }
    };
    let plan = Plan { setup, frameworks, jobs, lasts: args.lasts, settles: SETTLES, ..Plan::default() };
    let plan = match args.trouble {
        Some(every) => plan.troubled(every),
        None => plan,
    };
    Ok(match args.operators {
        Some(every) => plan.operated(every),
        None => plan,
    })
}

/// Runs a plan as it is, and with what the command line adds to it.
fn compare(args: &Args, common: &Common, plan: &Plan) -> anyhow::Result<ExitCode> {
    let more = args.with.join("\n");
    let text = format!("{}{more}\n", scenario::write(plan));
    let known = text.lines().count() - args.with.iter().map(|one| one.lines().count().max(1)).sum::<usize>();
    let changed = scenario::read(&text).map_err(|error| match error.line > known {
        true => anyhow!("--with, statement {}: {}", error.line - known, error.why),
        false => anyhow!(error),
    })?;
    let (before, after) = (simulate(plan, false)?, simulate(&changed, false)?);
    match common.format {
        Format::Json => output::line(json!({
            "without": report::json(&before),
            "with": report::json(&after),
            "statements": args.with,
        }))?,
        Format::Table => {
            output::table(&["figure", "without", "with", "change"], report::compare(&before, &after), "")?
        }
    }
    page(args, &changed, &after)?;
    let mut failed = false;
    for (plan, outcome) in [(plan, &before), (&changed, &after)] {
        if !outcome.wrongs.is_empty() && !std::mem::replace(&mut failed, true) {
            complain(args, plan, outcome)?;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// How long everybody may take to agree once all is well: longer than the slowest timeout of a master.
const SETTLES: Duration = Duration::from_secs(3600);

fn traced(path: &Path, lasts: Duration) -> anyhow::Result<(Vec<simulation::Job>, Vec<Framework>)> {
    let mut read = trace::read(&text(path)?);
    for row in &read.left_out {
        output::progress(format_args!("{}: {row}; left out", path.display()));
    }
    for job in read.jobs.extract_if(.., |job| job.arrives > lasts) {
        output::progress(format_args!(
            "{}: job {} of {} arrives after the end, --for; left out",
            path.display(),
            job.name,
            job.framework
        ));
    }
    if read.jobs.is_empty() {
        bail!(
            "{} has no job in it; a row is `job framework arrival tasks resources duration`",
            path.display()
        );
    }
    let mut names: Vec<String> = read.jobs.iter().map(|job| job.framework.clone()).collect();
    names.sort();
    names.dedup();
    let frameworks = names.into_iter().map(|name| Framework::new(name.clone(), name));
    Ok((read.jobs, frameworks.collect()))
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Runs a plan; on a terminal a line shows how far it is.
fn simulate(plan: &Plan, quiet: bool) -> anyhow::Result<Outcome> {
    let shown = std::io::stderr().is_terminal() && !quiet;
    let whole = plan.lasts.as_secs_f64();
    let mut progress = |at: Duration, running: usize| {
        if shown {
            let part = 100.0 * at.as_secs_f64() / whole;
            eprint!("\r{part:>5.1} %  {:>8.1} s simulated  {running:>7} tasks run", at.as_secs_f64());
        }
    };
    let outcome = run(plan, &mut progress);
    if shown {
        eprintln!();
    }
    outcome.map_err(|error| anyhow!(error))
}

fn smaller(plan: Plan, outcome: Outcome) -> (Plan, Outcome) {
    output::progress(format_args!("seed {} fails; looking for less that still does", plan.setup.seed));
    shrink(plan, outcome, &mut |tries, plan| {
        output::progress(format_args!(
            "try {tries}: {} troubles, {} orders, {} jobs",
            plan.troubles.len(),
            plan.orders.len(),
            plan.jobs.len()
        ));
    })
}

fn show(args: &Args, common: &Common, plan: &Plan, outcome: &Outcome) -> anyhow::Result<()> {
    match common.format {
        Format::Json => output::line(report::json(outcome))?,
        Format::Table => {
            if args.transcript {
                outcome.transcript.iter().try_for_each(output::line)?;
            }
            let rows = report::summary(outcome).into_iter().map(|(name, value)| vec![name.to_owned(), value]);
            output::table(&["figure", "value"], rows.collect(), "")?;
        }
    }
    for row in report::asides(outcome) {
        output::progress(row);
    }
    page(args, plan, outcome)
}

fn page(args: &Args, plan: &Plan, outcome: &Outcome) -> anyhow::Result<()> {
    if let Some(path) = &args.html {
        std::fs::write(path, report::html(plan, outcome))
            .with_context(|| format!("cannot write {}", path.display()))?;
        output::progress(format_args!("{} shows it", path.display()));
    }
    Ok(())
}

/// What must not be, and how to see it again.
fn complain(args: &Args, plan: &Plan, outcome: &Outcome) -> anyhow::Result<()> {
    for wrong in &outcome.wrongs {
        output::progress(format_args!("wrong: {wrong}"));
    }
    for trouble in &plan.troubles {
        output::progress(format_args!("after: {trouble}"));
    }
    for (at, order) in &plan.orders {
        output::progress(format_args!("after: {:.3} s: operator: {order}", at.as_secs_f64()));
    }
    let path = args.save.clone();
    let path = path.unwrap_or_else(|| PathBuf::from(format!("simulate-seed-{}.txt", plan.setup.seed)));
    std::fs::write(&path, scenario::write(plan))
        .with_context(|| format!("cannot write {}", path.display()))?;
    output::progress(format_args!("again: hectare simulate {}", path.display()));
    Ok(())
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|_| "a time is written as `30secs`, `5mins`, `2hrs`".to_owned())
}

/// One seed, or `1..=100`.
fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("{text:?} is no seed"));
    match text.split_once("..=") {
        None => number(text).map(|seed| seed..=seed),
        Some((first, last)) => {
            let range = number(first)?..=number(last)?;
            if range.is_empty() { Err(format!("{text:?} holds no seed")) } else { Ok(range) }
        }
    }
}
