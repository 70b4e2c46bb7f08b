//! A text becomes a plan.

use std::time::Duration;

use super::ScenarioError;
use super::happen::{self, Happening, known};
use super::words::{Options, number, one, some_time, time};
use crate::cluster::Setup;
use crate::experiment::{Expectation, Framework, Order, Plan, Relation, Tally};
use crate::workload::trace::{constraint, proper};
use crate::workload::{Distribution, Job, Kind, Mix, Style, TaskFaults};

/// The most attributes one statement may give away.
const AGENTS_MAX: usize = 60_000;
/// The longest run. Unit: time; a year.
const RUN_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Reads a scenario.
///
/// Errors: a statement is not understood, or asks for what is not there. The first one is named.
pub fn read(text: &str) -> Result<Plan, ScenarioError> {
    let mut reader = Reader::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        reader.line = number + 1;
        reader.statement(&words).map_err(|why| ScenarioError { line: number + 1, why })?;
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    plan: Plan,
    mixes: Vec<Mix>,
    trouble: Option<Duration>,
    operators: Option<Duration>,
    runs: bool,
    /// The line that is read.
    line: usize,
    /// What can be judged only at the end, and the line that says it.
    open: Vec<(usize, Open)>,
}

/// What a statement takes for granted.
enum Open {
    /// It happens before the end.
    By(&'static str, Duration),
    /// There is an agent of this number, once all have come.
    Agent(usize),
    Job {
        framework: String,
        job: String,
    },
    Role(String),
}

impl Reader {
    fn statement(&mut self, words: &[&str]) -> Result<(), String> {
        let (name, rest) = (words[0], &words[1..]);
        let setup = &mut self.plan.setup;
        match name {
            "seed" => setup.seed = number(name, one(name, rest)?)?,
            "masters" => {
                setup.masters = number(name, one(name, rest)?)?;
                setup.check().map_err(|error| error.to_string())?;
            }
            "agents" => {
                let (count, resources) = rest.split_first().ok_or("agents: how many?")?;
                setup.agents = number(name, count)?;
                if !resources.is_empty() {
                    let text = one(name, resources)?;
                    setup.resources = text.parse().map_err(|error| format!("resources {text:?}: {error}"))?;
                }
                setup.check().map_err(|error| error.to_string())?;
            }
            "older" if rest.is_empty() => setup.older = true,
            "set" => set(setup, one(name, rest)?)?,
            "attribute" => attribute(setup, rest)?,
            "framework" => self.framework(rest)?,
            "job" => self.job(rest)?,
            "mix" => self.mix(rest)?,
            "trouble" => self.trouble = Some(every(rest)?),
            "operators" => self.operators = Some(every(rest)?),
            "at" => self.at(rest)?,
            "run" => self.run(rest)?,
            "expect" => self.expect(rest)?,
            _ => return Err(format!("{name:?} is no statement")),
        }
        Ok(())
    }

    fn run(&mut self, rest: &[&str]) -> Result<(), String> {
        let (lasts, rest) = rest.split_first().ok_or("run: for how long?")?;
        self.plan.lasts = some_time("run", lasts)?;
        if self.plan.lasts > RUN_MAX {
            return Err(format!("run: {lasts:?} is more than a year"));
        }
        if let Some(settle) = Options::read(rest, &["settle"])?.get("settle") {
            self.plan.settles = time("settle", settle)?;
        }
        self.runs = true;
        Ok(())
    }

    fn framework(&mut self, rest: &[&str]) -> Result<(), String> {
        let (name, rest) = rest.split_first().ok_or("framework: a name?")?;
        let name = proper(name)?;
        if self.plan.frameworks.iter().any(|framework| framework.name == name) {
            return Err(format!("framework {name:?} is there already"));
        }
        let role = Options::read(rest, &["role"])?.get("role").unwrap_or("*");
        model::Role::from(role).check().map_err(|error| format!("role {role:?}: {error}"))?;
        self.plan.frameworks.push(Framework::new(name, role));
        Ok(())
    }

    fn job(&mut self, rest: &[&str]) -> Result<(), String> {
        let (name, rest) = rest.split_first().ok_or("job: a name?")?;
        let names =
            ["framework", "tasks", "resources", "lasts", "at", "style", "only", "fails", "crashes", "hangs"];
        let options = Options::read(rest, &names)?;
        let lasts: Distribution =
            options.need("lasts")?.parse().map_err(|error| format!("lasts: {error}"))?;
        let style = match options.get("style") {
            None if lasts == Distribution::Forever => Style::Service,
            None | Some("batch") => Style::Batch,
            Some("service") => Style::Service,
            Some("gang") => Style::Gang,
            Some(other) => return Err(format!("style: {other:?} is none of batch, service, gang")),
        };
        let resources = options.need("resources")?;
        let job = Job {
            name: proper(name)?,
            framework: known(&self.plan, options.need("framework")?)?,
            arrives: options.get("at").map_or(Ok(Duration::ZERO), |text| time("at", text))?,
            tasks: options.tasks()?,
            resources: resources.parse().map_err(|error| format!("resources {resources:?}: {error}"))?,
            lasts,
            style,
            only: options.get("only").map_or(Ok(None), constraint)?,
            faults: faults(&options)?,
        };
        let twice = |known: &Job| known.framework == job.framework && known.name == job.name;
        if self.plan.jobs.iter().any(twice) {
            return Err(format!("job {name:?} of {:?} is there already", job.framework));
        }
        self.open.push((self.line, Open::By("at", job.arrives)));
        self.plan.jobs.push(job);
        Ok(())
    }

    fn mix(&mut self, rest: &[&str]) -> Result<(), String> {
        let (kind, rest) = rest.split_first().ok_or("mix: of what?")?;
        let options = Options::read(rest, &["tasks", "within", "mean", "fails", "crashes", "hangs"])?;
        if self.plan.frameworks.is_empty() {
            return Err("a mix needs a framework that runs it; `framework NAME` makes one".to_owned());
        }
        self.mixes.push(Mix {
            kind: kind.parse::<Kind>()?,
            frameworks: Vec::new(),
            tasks: options.tasks()?,
            within: time("within", options.need("within")?)?,
            mean: time("mean", options.need("mean")?)?,
            faults: faults(&options)?,
        });
        Ok(())
    }

    fn at(&mut self, rest: &[&str]) -> Result<(), String> {
        let (at, rest) = rest.split_first().ok_or("at: when?")?;
        let at = time("at", at)?;
        self.open.push((self.line, Open::By("at", at)));
        match happen::read(&self.plan, at, rest)? {
            Happening::Troubles(troubles) => self.plan.troubles.extend(troubles),
            Happening::Order(order) => {
                match &order {
                    Order::Cancel { framework, job } => {
                        let open = Open::Job { framework: framework.clone(), job: job.clone() };
                        self.open.push((self.line, open));
                    }
                    order => self.open.extend(order.agent().map(|agent| (self.line, Open::Agent(agent)))),
                }
                self.plan.orders.push((at, order));
            }
        }
        Ok(())
    }

    fn expect(&mut self, rest: &[&str]) -> Result<(), String> {
        let (words, of) = match rest {
            [words @ .., "of", of] => (words, Some((*of).to_owned())),
            words => (words, None),
        };
        let [at, tally, relation, amount] = words else {
            return Err("expect: wanted `expect TIME WHAT =|<|> N [of FRAMEWORK]`".to_owned());
        };
        let relation = Relation::named(relation)
            .ok_or_else(|| format!("expect: {relation:?} is none of `=`, `<`, `>`"))?;
        let tally =
            Tally::named(tally).ok_or_else(|| format!("expect: {tally:?} is nothing that is counted"))?;
        let (at, amount) = (time("expect", at)?, number("expect", amount)?);
        match (tally, &of) {
            (Tally::Share, Some(role)) => self.open.push((self.line, Open::Role(role.clone()))),
            (Tally::Share, None) => return Err("expect: a share is one `of ROLE`".to_owned()),
            (_, Some(framework)) => drop(known(&self.plan, framework)?),
            (_, None) => {}
        }
        self.open.push((self.line, Open::By("expect", at)));
        self.plan.expectations.push(Expectation { at, tally, relation, amount, of });
        Ok(())
    }

    fn finish(mut self) -> Result<Plan, ScenarioError> {
        let line = self.line.max(1);
        if !self.runs {
            return Err(ScenarioError { line, why: "there is no `run TIME`".to_owned() });
        }
        self.plan.setup.check().map_err(|error| ScenarioError { line, why: error.to_string() })?;
        let names: Vec<String> =
            self.plan.frameworks.iter().map(|framework| framework.name.clone()).collect();
        for (number, mix) in std::mem::take(&mut self.mixes).into_iter().enumerate() {
            let jobs = Mix { frameworks: names.clone(), ..mix }.draw(self.plan.setup.seed + number as u64);
            let named = jobs.into_iter().map(|job| Job { name: format!("mix{number}-{}", job.name), ..job });
            self.plan.jobs.extend(named);
        }
        for (line, open) in std::mem::take(&mut self.open) {
            self.judge(&open).map_err(|why| ScenarioError { line, why })?;
        }
        if let Some(every) = self.trouble {
            let own = std::mem::take(&mut self.plan.troubles);
            self.plan = self.plan.troubled(every);
            self.plan.troubles.extend(own);
        }
        if let Some(every) = self.operators {
            let own = std::mem::take(&mut self.plan.orders);
            self.plan = self.plan.operated(every);
            self.plan.orders.extend(own);
        }
        Ok(self.plan)
    }

    fn judge(&self, open: &Open) -> Result<(), String> {
        let plan = &self.plan;
        match open {
            Open::By(name, at) if *at > plan.lasts => {
                Err(format!("{name} {at:?}: that is after the end, {:?}", plan.lasts))
            }
            Open::Agent(agent) => {
                let grown = plan.orders.iter().map(|(_, order)| order.grows()).sum::<usize>();
                match plan.setup.agents + grown {
                    all if *agent < all => Ok(()),
                    all => Err(format!("agent {agent}: there are {all}, counted from 0")),
                }
            }
            Open::Job { framework, job } => {
                match plan.jobs.iter().any(|known| known.framework == *framework && known.name == *job) {
                    true => Ok(()),
                    false => Err(format!("cancel: framework {framework:?} has no job {job:?}")),
                }
            }
            Open::Role(role) => match plan.frameworks.iter().any(|framework| framework.role == *role) {
                true => Ok(()),
                false => Err(format!("role {role:?}: no framework has it")),
            },
            Open::By(..) => Ok(()),
        }
    }
}

fn every(rest: &[&str]) -> Result<Duration, String> {
    some_time("every", Options::read(rest, &["every"])?.need("every")?)
}

fn faults(options: &Options<'_>) -> Result<TaskFaults, String> {
    let faults = TaskFaults {
        fails: options.part("fails")?,
        crashes: options.part("crashes")?,
        hangs: options.part("hangs")?,
    };
    match faults.fails + faults.crashes + faults.hangs <= 1.0 {
        true => Ok(faults),
        false => Err("fails, crashes and hangs: together they are more than 1".to_owned()),
    }
}

fn set(setup: &mut Setup, text: &str) -> Result<(), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not `name=value`"))?;
    if name == "max_agent_ping_timeouts" {
        setup.max_agent_ping_timeouts = number(name, value)?;
        return setup.check().map_err(|error| error.to_string());
    }
    let value = time(name, value)?;
    *match name {
        "allocation_interval" => &mut setup.allocation_interval,
        "agent_reregister_timeout" => &mut setup.agent_reregister_timeout,
        "agent_ping_timeout" => &mut setup.agent_ping_timeout,
        "registration_backoff" => &mut setup.registration_backoff,
        _ => return Err(format!("{name:?} is nothing that can be set")),
    } = value;
    setup.check().map_err(|error| error.to_string())
}

fn attribute(setup: &mut Setup, words: &[&str]) -> Result<(), String> {
    let [agents, text] = words else {
        return Err("attribute: wanted `attribute N[-M] NAME=VALUE`".to_owned());
    };
    let (first, last) = agents.split_once('-').unwrap_or((agents, agents));
    let (first, last) = (number::<usize>("attribute", first)?, number::<usize>("attribute", last)?);
    if first > last || last >= AGENTS_MAX {
        return Err(format!("attribute: {agents:?} are no agents"));
    }
    let spelled = text.replacen('=', ":", 1);
    for agent in first..=last {
        if setup.attributes.len() <= agent {
            setup.attributes.resize(agent + 1, Default::default());
        }
        let before = setup.attributes[agent].to_string();
        let all = if before.is_empty() { spelled.clone() } else { format!("{before};{spelled}") };
        setup.attributes[agent] = all.parse().map_err(|error| format!("attribute {text:?}: {error}"))?;
    }
    Ok(())
}
