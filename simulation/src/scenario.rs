//! A scenario: a plan written as a text, one statement a line.
//!
//! ```text
//! # three masters, one of which dies in the middle
//! seed 7
//! masters 3
//! agents 20 cpus:8;mem:16384
//! attribute 0-4 rack=r1
//! framework web role=prod
//! job front framework=web tasks=12 resources=cpus:1;mem:128 lasts=forever only=rack=r1
//! job nightly framework=web at=30secs tasks=40 resources=cpus:0.5;mem:64 lasts=exponential(20secs) fails=0.1
//! mix bursts tasks=500 within=5mins mean=30secs
//! trouble every=20secs
//! at 60secs kill leader for 10secs
//! at 90secs isolate agent 3 for 1mins
//! at 2mins quota prod cpus:20
//! run 5mins settle=10mins
//! expect 100secs running = 12 of web
//! ```
//!
//! | statement | says |
//! |---|---|
//! | `seed`, `masters`, `agents N [RESOURCES]` | what there is |
//! | `set NAME=TIME` | `allocation_interval`, `agent_reregister_timeout`, `agent_ping_timeout`, `registration_backoff` |
//! | `attribute N[-M] NAME=VALUE` | what those agents say of themselves |
//! | `framework NAME role=ROLE` | who runs jobs |
//! | `job NAME framework= tasks= resources= lasts= [at=] [style=batch\|service\|gang] [only=] [fails=] [crashes=] [hangs=]` | what is run |
//! | `mix KIND tasks= within= mean=` | jobs drawn by chance, for all frameworks in turn |
//! | `trouble every=TIME` | things go wrong by chance |
//! | `at TIME kill PART`, `reboot agent N`, `isolate PART`, `pause PART`, `full-disk PART`, `slow PART TIME`, `slow-disk PART TIME`, `skew PART SECONDS`, each `for TIME` | this goes wrong |
//! | `at TIME drain agent N`, `reactivate agent N`, `quota ROLE RESOURCES`, `weight ROLE W`, `grow N`, `cancel FRAMEWORK JOB` | an operator does this |
//! | `run TIME [settle=TIME]` | how long, and how long after it everybody may take to agree |
//! | `expect TIME WHAT =\|<\|> N [of FRAMEWORK]` | `pending`, `live`, `running`, `finished`, `failed`, `killed`, `lost`, `agents` at that time |
//!
//! A part is `leader`, `master N`, `agent N` or `framework N`, counted from zero.

use std::time::Duration;

use libprocess::sim::Disk;
use model::duration::parse_duration;

use crate::cluster::{Part, Setup, Trouble, What};
use crate::experiment::{Expectation, Framework, Order, Plan, Relation, Tally};
use crate::workload::trace::{constraint, proper};
use crate::workload::{Distribution, Job, Kind, Mix, Style, TaskFaults};

/// Why a text is no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ScenarioError {
    /// Counted from one.
    pub line: usize,
    /// Names the word.
    pub why: String,
}

/// The most tasks of one statement.
const TASKS_MAX: usize = 1_000_000;
/// The most attributes one statement may give away.
const AGENTS_MAX: usize = 60_000;

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
        reader.statement(&words).map_err(|why| ScenarioError { line: number + 1, why })?;
    }
    let end = text.lines().count().max(1);
    reader.finish().map_err(|why| ScenarioError { line: end, why })
}

#[derive(Default)]
struct Reader {
    plan: Plan,
    mixes: Vec<Mix>,
    trouble: Option<Duration>,
    runs: bool,
}

impl Reader {
    fn statement(&mut self, words: &[&str]) -> Result<(), String> {
        let (name, rest) = (words[0], &words[1..]);
        let setup = &mut self.plan.setup;
        match name {
            "seed" => setup.seed = number(name, one(name, rest)?)?,
            "masters" => setup.masters = number(name, one(name, rest)?)?,
            "agents" => {
                let (count, resources) = rest.split_first().ok_or("agents: how many?")?;
                setup.agents = number(name, count)?;
                if !resources.is_empty() {
                    let text = one(name, resources)?;
                    setup.resources = text.parse().map_err(|error| format!("resources {text:?}: {error}"))?;
                }
            }
            "set" => set(setup, one(name, rest)?)?,
            "attribute" => attribute(setup, rest)?,
            "framework" => self.framework(rest)?,
            "job" => self.job(rest)?,
            "mix" => self.mix(rest)?,
            "trouble" => {
                self.trouble = Some(time("every", &Options::read(rest, &["every"])?.need("every")?)?)
            }
            "at" => self.at(rest)?,
            "run" => {
                let (lasts, rest) = rest.split_first().ok_or("run: for how long?")?;
                self.plan.lasts = time("run", lasts)?;
                if let Some(settle) = Options::read(rest, &["settle"])?.get("settle") {
                    self.plan.settles = time("settle", &settle)?;
                }
                self.runs = true;
            }
            "expect" => self.expect(rest)?,
            _ => return Err(format!("{name:?} is no statement")),
        }
        Ok(())
    }

    fn framework(&mut self, rest: &[&str]) -> Result<(), String> {
        let (name, rest) = rest.split_first().ok_or("framework: a name?")?;
        let name = proper(name)?;
        if self.plan.frameworks.iter().any(|framework| framework.name == name) {
            return Err(format!("framework {name:?} is there already"));
        }
        let role = Options::read(rest, &["role"])?.get("role").unwrap_or_else(|| "*".to_owned());
        model::Role::from(role.as_str()).check().map_err(|error| format!("role {role:?}: {error}"))?;
        self.plan.frameworks.push(Framework::new(name, role));
        Ok(())
    }

    fn known(&self, framework: &str) -> Result<String, String> {
        match self.plan.frameworks.iter().any(|known| known.name == framework) {
            true => Ok(framework.to_owned()),
            false => {
                Err(format!("framework {framework:?} is not there; `framework {framework} role=…` makes it"))
            }
        }
    }

    fn job(&mut self, rest: &[&str]) -> Result<(), String> {
        let (name, rest) = rest.split_first().ok_or("job: a name?")?;
        let names =
            ["framework", "tasks", "resources", "lasts", "at", "style", "only", "fails", "crashes", "hangs"];
        let options = Options::read(rest, &names)?;
        let lasts: Distribution = {
            let text = options.need("lasts")?;
            text.parse().map_err(|error| format!("lasts: {error}"))?
        };
        let style = match options.get("style").as_deref() {
            None if lasts == Distribution::Forever => Style::Service,
            None | Some("batch") => Style::Batch,
            Some("service") => Style::Service,
            Some("gang") => Style::Gang,
            Some(other) => return Err(format!("style: {other:?} is none of batch, service, gang")),
        };
        let part = |name: &str| match options.get(name) {
            None => Ok(0.0),
            Some(text) => match text.parse::<f64>() {
                Ok(part) if (0.0..=1.0).contains(&part) => Ok(part),
                _ => Err(format!("{name}: {text:?} is not between 0 and 1")),
            },
        };
        let resources = options.need("resources")?;
        let job = Job {
            name: proper(name)?,
            framework: self.known(&options.need("framework")?)?,
            arrives: options.get("at").map_or(Ok(Duration::ZERO), |text| time("at", &text))?,
            tasks: tasks(&options)?,
            resources: resources.parse().map_err(|error| format!("resources {resources:?}: {error}"))?,
            lasts,
            style,
            only: options.get("only").map_or(Ok(None), |text| constraint(&text))?,
            faults: TaskFaults { fails: part("fails")?, crashes: part("crashes")?, hangs: part("hangs")? },
        };
        self.plan.jobs.push(job);
        Ok(())
    }

    fn mix(&mut self, rest: &[&str]) -> Result<(), String> {
        let (kind, rest) = rest.split_first().ok_or("mix: of what?")?;
        let options = Options::read(rest, &["tasks", "within", "mean"])?;
        self.mixes.push(Mix {
            kind: kind.parse::<Kind>()?,
            frameworks: Vec::new(),
            tasks: tasks(&options)?,
            within: time("within", &options.need("within")?)?,
            mean: time("mean", &options.need("mean")?)?,
            faults: TaskFaults::default(),
        });
        Ok(())
    }

    fn at(&mut self, rest: &[&str]) -> Result<(), String> {
        let (at, rest) = rest.split_first().ok_or("at: when?")?;
        let at = time("at", at)?;
        if let Some(order) = self.order(rest)? {
            self.plan.orders.push((at, order));
            return Ok(());
        }
        let [what @ .., "for", lasts] = rest else {
            return Err(format!(
                "{:?} is nothing that happens, or its `for TIME` is missing",
                rest.join(" ")
            ));
        };
        let until = at + time("for", lasts)?;
        self.plan.troubles.push(Trouble { from: at, until, what: self.what(what)? });
        Ok(())
    }

    /// What an operator does; `None` if these words say nothing of the kind.
    fn order(&self, words: &[&str]) -> Result<Option<Order>, String> {
        Ok(Some(match *words {
            ["drain", "agent", agent] => Order::Drain(self.agent(agent)?),
            ["reactivate", "agent", agent] => Order::Reactivate(self.agent(agent)?),
            ["quota", role, resources] => Order::Quota {
                role: role.to_owned(),
                limits: resources.parse().map_err(|error| format!("quota {resources:?}: {error}"))?,
            },
            ["weight", role, weight] => {
                Order::Weight { role: role.to_owned(), weight: number("weight", weight)? }
            }
            ["grow", agents] => Order::Grow(number("grow", agents)?),
            ["cancel", framework, job] => {
                Order::Cancel { framework: self.known(framework)?, job: job.to_owned() }
            }
            _ => return Ok(None),
        }))
    }

    fn what(&self, words: &[&str]) -> Result<What, String> {
        let (name, rest) = words.split_first().ok_or("what happens?")?;
        Ok(match (*name, rest) {
            ("reboot", ["agent", agent]) => What::Reboot(self.agent(agent)?),
            ("kill", part) => match self.part(part)? {
                Part::Framework(_) => return Err("kill: a framework would not come back".to_owned()),
                part => What::Kill(part, Disk::Kept),
            },
            ("isolate", part) => What::Isolate(self.part(part)?),
            ("pause", part) => What::Pause(self.part(part)?),
            ("full-disk", part) => match self.part(part)? {
                Part::Framework(_) => return Err("full-disk: a framework has no disk".to_owned()),
                part => What::FullDisk(part),
            },
            ("slow", [part @ .., by]) => What::Slow(self.part(part)?, time("slow", by)?),
            ("slow-disk", [part @ .., by]) => What::SlowDisk(self.part(part)?, time("slow-disk", by)?),
            ("skew", [part @ .., by]) => What::Skew(self.part(part)?, number("skew", by)?),
            _ => return Err(format!("{:?} is nothing that happens", words.join(" "))),
        })
    }

    fn part(&self, words: &[&str]) -> Result<Part, String> {
        let within = |name: &str, text: &str, most: usize| match number::<usize>(name, text)? {
            found if found < most => Ok(found),
            found => Err(format!("{name} {found}: there are {most}, counted from 0")),
        };
        match *words {
            ["leader"] => Ok(Part::Leader),
            ["master", text] => Ok(Part::Master(within("master", text, self.plan.setup.masters)?)),
            ["agent", text] => Ok(Part::Agent(within("agent", text, self.plan.setup.agents)?)),
            ["framework", text] => {
                Ok(Part::Framework(within("framework", text, self.plan.frameworks.len())?))
            }
            _ => Err(format!(
                "{:?} is none of `leader`, `master N`, `agent N`, `framework N`",
                words.join(" ")
            )),
        }
    }

    /// An agent, which may be one that is yet to come.
    fn agent(&self, text: &str) -> Result<usize, String> {
        number("agent", text)
    }

    fn expect(&mut self, rest: &[&str]) -> Result<(), String> {
        let (words, of) = match rest {
            [words @ .., "of", framework] => (words, Some(self.known(framework)?)),
            words => (words, None),
        };
        let [at, tally, relation, amount] = words else {
            return Err("expect: wanted `expect TIME WHAT =|<|> N [of FRAMEWORK]`".to_owned());
        };
        let relation = match *relation {
            "=" => Relation::Is,
            "<" => Relation::Below,
            ">" => Relation::Above,
            other => return Err(format!("expect: {other:?} is none of `=`, `<`, `>`")),
        };
        let tally =
            Tally::named(tally).ok_or_else(|| format!("expect: {tally:?} is nothing that is counted"))?;
        let (at, amount) = (time("expect", at)?, number("expect", amount)?);
        self.plan.expectations.push(Expectation { at, tally, relation, amount, of });
        Ok(())
    }

    fn finish(mut self) -> Result<Plan, String> {
        if !self.runs {
            return Err("there is no `run TIME`".to_owned());
        }
        let names: Vec<String> =
            self.plan.frameworks.iter().map(|framework| framework.name.clone()).collect();
        for (number, mix) in std::mem::take(&mut self.mixes).into_iter().enumerate() {
            if names.is_empty() {
                return Err("a mix needs a framework that runs it".to_owned());
            }
            let jobs = Mix { frameworks: names.clone(), ..mix }.draw(self.plan.setup.seed + number as u64);
            let named = jobs.into_iter().map(|job| Job { name: format!("mix{number}-{}", job.name), ..job });
            self.plan.jobs.extend(named);
        }
        let late = self.plan.expectations.iter().find(|expectation| expectation.at > self.plan.lasts);
        if let Some(late) = late {
            return Err(format!("expect {:?}: that is after the end, {:?}", late.at, self.plan.lasts));
        }
        if let Some(every) = self.trouble {
            let own = std::mem::take(&mut self.plan.troubles);
            self.plan = self.plan.troubled(every);
            self.plan.troubles.extend(own);
        }
        Ok(self.plan)
    }
}

/// `name=value` words.
struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    fn read(words: &[&'a str], names: &[&str]) -> Result<Options<'a>, String> {
        let mut options: Vec<(&str, &str)> = Vec::new();
        for word in words {
            let (name, value) =
                word.split_once('=').ok_or_else(|| format!("{word:?} is not `name=value`"))?;
            if !names.contains(&name) {
                return Err(format!("{name:?} is none of {}", names.join(", ")));
            }
            if options.iter().any(|(known, _)| *known == name) {
                return Err(format!("{name:?} is said twice"));
            }
            options.push((name, value));
        }
        Ok(Options(options))
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    fn need(&self, name: &str) -> Result<String, String> {
        self.get(name).ok_or_else(|| format!("`{name}=…` is missing"))
    }
}

fn one<'a>(name: &str, words: &[&'a str]) -> Result<&'a str, String> {
    match words {
        [word] => Ok(word),
        _ => Err(format!("{name}: one word is wanted, {} are there", words.len())),
    }
}

fn number<N: std::str::FromStr>(name: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{name}: {text:?} is no number that fits"))
}

fn time(name: &str, text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|_| format!("{name}: {text:?} is no time such as `30secs`, `5mins`, `2hrs`"))
}

fn tasks(options: &Options<'_>) -> Result<usize, String> {
    match number("tasks", &options.need("tasks")?)? {
        tasks if (1..=TASKS_MAX).contains(&tasks) => Ok(tasks),
        tasks => Err(format!("tasks: {tasks} is not between 1 and {TASKS_MAX}")),
    }
}

fn set(setup: &mut Setup, text: &str) -> Result<(), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not `name=value`"))?;
    let value = time(name, value)?;
    *match name {
        "allocation_interval" => &mut setup.allocation_interval,
        "agent_reregister_timeout" => &mut setup.agent_reregister_timeout,
        "agent_ping_timeout" => &mut setup.agent_ping_timeout,
        "registration_backoff" => &mut setup.registration_backoff,
        _ => return Err(format!("{name:?} is nothing that can be set")),
    } = value;
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
# three masters, one of which dies in the middle
seed 7
masters 3
agents 20 cpus:8;mem:16384
attribute 0-4 rack=r1
attribute 2 disk=ssd
set agent_reregister_timeout=60secs
framework web role=prod
job front framework=web tasks=12 resources=cpus:1;mem:128 lasts=forever only=rack=r1
mix bursts tasks=50 within=1mins mean=30secs
trouble every=20secs
at 60secs kill leader for 10secs
at 70secs slow agent 3 200ms for 1mins
at 2mins quota prod cpus:20
run 5mins settle=10mins
expect 100secs running = 12 of web   # a comment
";

    #[test]
    fn a_scenario_is_a_plan() {
        let plan = read(WHOLE).unwrap();
        assert_eq!((plan.setup.seed, plan.setup.masters, plan.setup.agents), (7, 3, 20));
        assert_eq!(plan.setup.attributes[2].to_string(), "rack:r1;disk:ssd");
        assert_eq!(plan.jobs[0].style, Style::Service);
        assert_eq!(plan.jobs.iter().map(|job| job.tasks).sum::<usize>(), 62);
        assert!(plan.troubles.len() > 2);
        assert_eq!(plan.orders.len(), 1);
        assert_eq!(plan.expectations.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_its_word() {
        let cases = [
            ("agnets 3\nrun 1mins", 1, "\"agnets\" is no statement"),
            ("agents many\nrun 1mins", 1, "agents: \"many\""),
            ("run soon", 1, "run: \"soon\" is no time"),
            (
                "seed 1\n\njob a framework=f tasks=1 resources=cpus:1 lasts=1secs",
                3,
                "framework \"f\" is not there",
            ),
            ("framework f role=r\njob a framework=f tasks=0 resources=cpus:1 lasts=1secs", 2, "tasks: 0"),
            (
                "framework f role=r\njob a framework=f tasks=1 resources=cpus:1 lasts=1secs colour=red",
                2,
                "\"colour\"",
            ),
            (
                "framework f role=r\njob a framework=f tasks=1 resources=cpus:1 lasts=1secs fails=2",
                2,
                "fails: \"2\"",
            ),
            ("masters 3\nat 1secs kill master 3 for 1secs\nrun 1mins", 2, "master 3: there are 3"),
            ("at 1secs kill leader\nrun 1mins", 1, "its `for TIME` is missing"),
            ("at 1secs burn leader for 1secs\nrun 1mins", 1, "\"burn leader\" is nothing that happens"),
            ("expect 1mins joy = 3\nrun 1mins", 1, "\"joy\" is nothing that is counted"),
            ("expect 2mins running = 3\nrun 1mins", 2, "after the end"),
            ("seed 1", 1, "there is no `run TIME`"),
            ("mix bursts tasks=1 within=1mins mean=1secs\nrun 1mins", 2, "a mix needs a framework"),
        ];
        for (text, line, word) in cases {
            let error = read(text).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.why.contains(word), "{text}: {error}");
        }
    }
}
