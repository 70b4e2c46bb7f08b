//! What happens at a time: `at TIME …`.
//!
//! | goes wrong, each `for TIME` | |
//! |---|---|
//! | `kill PART [kept\|torn\|synced\|lost]` | its process is killed; what its disk keeps |
//! | `reboot agent N` | its machine loses its power |
//! | `isolate PART`, `one-way PART to PART`, `cut PART and PART` | ways are closed; connections break once |
//! | `pause PART`, `slow PART TIME`, `slow-disk PART TIME` | it stands still; its packets and writes take so long |
//! | `full-disk PART`, `skew PART SECONDS` | its disk takes no more; its wall clock is wrong |
//!
//! | operators do | |
//! |---|---|
//! | `drain agent N`, `reactivate agent N` | an agent is emptied, and used again |
//! | `schedule agent N in TIME lasting TIME`, `down agent N`, `up agent N` | maintenance |
//! | `quota ROLE RESOURCES\|none`, `weight ROLE W` | who may have how much |
//! | `add-master`, `remove-master N`, `hand-over` | who takes part, who leads |
//! | `upgrade PART` | it ends, and starts again in the newest version |
//! | `grow N`, `cancel FRAMEWORK JOB` | more machines; a job ends |
//!
//! A part is `leader`, `master N`, `agent N` or `framework N`, counted from zero; what goes wrong may befall all agents
//! of an attribute at once: `reboot rack=r1`.

use libprocess::sim::Disk;

use super::words::{number, some_time, time};
use crate::cluster::{Part, Trouble, What};
use crate::experiment::{Order, Plan};

/// What one statement adds to a plan.
pub(super) enum Happening {
    /// One; more where it befalls all agents with an attribute.
    Troubles(Vec<Trouble>),
    Order(Order),
}

/// Reads what stands behind `at TIME`. `plan` is what was said so far.
pub(super) fn read(plan: &Plan, at: std::time::Duration, words: &[&str]) -> Result<Happening, String> {
    if let Some(order) = order(plan, words)? {
        return Ok(Happening::Order(order));
    }
    let [what @ .., "for", lasts] = words else {
        return Err(format!("{:?} is nothing that happens, or its `for TIME` is missing", words.join(" ")));
    };
    let until = at.checked_add(time("for", lasts)?).ok_or("for: too long")?;
    let Some(group) = what.iter().position(|word| word.contains('=')) else {
        return Ok(Happening::Troubles(vec![Trouble { from: at, until, what: trouble(plan, what)? }]));
    };
    let troubles = agents_with(plan, what[group])?.into_iter().map(|agent| {
        let agent = agent.to_string();
        let mut words = what.to_vec();
        words.splice(group..=group, ["agent", &agent]);
        Ok(Trouble { from: at, until, what: trouble(plan, &words)? })
    });
    Ok(Happening::Troubles(troubles.collect::<Result<_, String>>()?))
}

/// All agents that say something of themselves, such as `rack=r1`.
fn agents_with(plan: &Plan, text: &str) -> Result<Vec<usize>, String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let has = |agent: &usize| {
        let attributes = plan.setup.attributes.get(*agent);
        attributes.and_then(|all| all.get(name)).is_some_and(|found| found.to_string() == value)
    };
    let agents: Vec<usize> = (0..plan.setup.agents).filter(has).collect();
    match agents.is_empty() {
        true => Err(format!("{text:?} is said of no agent; `attribute N-M {text}` says it")),
        false => Ok(agents),
    }
}

/// What an operator does; `None` if these words say nothing of the kind.
fn order(plan: &Plan, words: &[&str]) -> Result<Option<Order>, String> {
    // It may be one that is yet to come; how many there will be is known at the end.
    let agent = |text: &str| number::<usize>("agent", text);
    Ok(Some(match *words {
        ["drain", "agent", text] => Order::Drain(agent(text)?),
        ["reactivate", "agent", text] => Order::Reactivate(agent(text)?),
        ["schedule", "agent", text, "in", begins, "lasting", lasts] => Order::Schedule {
            agent: agent(text)?,
            begins: time("in", begins)?,
            lasts: some_time("lasting", lasts)?,
        },
        ["down", "agent", text] => Order::Down(agent(text)?),
        ["up", "agent", text] => Order::Up(agent(text)?),
        ["quota", role, "none"] => Order::Quota { role: proper_role(role)?, limits: Default::default() },
        ["quota", role, resources] => Order::Quota {
            role: proper_role(role)?,
            limits: resources.parse().map_err(|error| format!("quota {resources:?}: {error}"))?,
        },
        ["weight", role, weight] => match number("weight", weight)? {
            weight if f64::is_finite(weight) && weight > 0.0 => {
                Order::Weight { role: proper_role(role)?, weight }
            }
            _ => return Err(format!("weight: {weight:?} must be more than nothing")),
        },
        ["add-master"] => Order::AddMaster,
        ["remove-master", text] => Order::RemoveMaster(number("remove-master", text)?),
        ["hand-over"] => Order::HandOver,
        ["upgrade", ref part @ ..] => match self::part(plan, part)? {
            Part::Framework(_) => return Err("upgrade: a framework would not come back".to_owned()),
            part => Order::Upgrade(part),
        },
        ["grow", agents] => match number("grow", agents)? {
            0 => return Err("grow: \"0\" must be more than nothing".to_owned()),
            agents => Order::Grow(agents),
        },
        ["cancel", framework, job] => {
            Order::Cancel { framework: known(plan, framework)?, job: job.to_owned() }
        }
        _ => return Ok(None),
    }))
}

fn trouble(plan: &Plan, words: &[&str]) -> Result<What, String> {
    let part = |words: &[&str]| part(plan, words);
    let (name, rest) = words.split_first().ok_or("what happens?")?;
    Ok(match (*name, rest) {
        ("reboot", ["agent", text]) => match part(&["agent", text])? {
            Part::Agent(number) => What::Reboot(number),
            _ => return Err("reboot: only machines of agents do".to_owned()),
        },
        ("kill", [words @ .., disk]) if DISKS.iter().any(|(known, _)| known == disk) => {
            What::Kill(mortal("kill", part(words)?)?, disk_named(disk))
        }
        ("kill", words) => What::Kill(mortal("kill", part(words)?)?, Disk::Kept),
        ("isolate", words) => What::Isolate(part(words)?),
        ("one-way", words) => {
            let (from, to) = two(words, "to")?;
            What::OneWay(part(from)?, part(to)?)
        }
        ("cut", words) => {
            let (one, other) = two(words, "and")?;
            What::Cut(part(one)?, part(other)?)
        }
        ("pause", words) => What::Pause(part(words)?),
        ("full-disk", words) => What::FullDisk(mortal("full-disk", part(words)?)?),
        ("slow", [words @ .., by]) => What::Slow(part(words)?, time("slow", by)?),
        ("slow-disk", [words @ .., by]) => What::SlowDisk(part(words)?, time("slow-disk", by)?),
        ("skew", [words @ .., by]) => What::Skew(part(words)?, number("skew", by)?),
        _ => return Err(format!("{:?} is nothing that happens", words.join(" "))),
    })
}

/// What a disk keeps, by name.
pub(super) const DISKS: [(&str, Disk); 4] =
    [("kept", Disk::Kept), ("torn", Disk::Torn), ("synced", Disk::Synced), ("lost", Disk::Lost)];

fn disk_named(name: &str) -> Disk {
    DISKS.into_iter().find(|(known, _)| *known == name).map_or(Disk::Kept, |(_, disk)| disk)
}

/// The parts on both sides of a word.
fn two<'a, 'b>(words: &'a [&'b str], between: &str) -> Result<(&'a [&'b str], &'a [&'b str]), String> {
    let at = words.iter().position(|word| *word == between);
    let at = at.ok_or_else(|| format!("`{between}` is missing in {:?}", words.join(" ")))?;
    Ok((&words[..at], &words[at + 1..]))
}

fn mortal(what: &str, part: Part) -> Result<Part, String> {
    match part {
        Part::Framework(_) => Err(format!("{what}: a framework has no disk, and would not come back")),
        part => Ok(part),
    }
}

fn part(plan: &Plan, words: &[&str]) -> Result<Part, String> {
    let within = |name: &str, text: &str, most: usize| match number::<usize>(name, text)? {
        found if found < most => Ok(found),
        found => Err(format!("{name} {found}: there are {most}, counted from 0")),
    };
    match *words {
        ["leader"] => Ok(Part::Leader),
        ["master", text] => Ok(Part::Master(within("master", text, plan.setup.masters)?)),
        ["agent", text] => Ok(Part::Agent(within("agent", text, plan.setup.agents)?)),
        ["framework", text] => Ok(Part::Framework(within("framework", text, plan.frameworks.len())?)),
        _ => Err(format!("{:?} is none of `leader`, `master N`, `agent N`, `framework N`", words.join(" "))),
    }
}

fn proper_role(role: &str) -> Result<String, String> {
    model::Role::from(role).check().map_err(|error| format!("role {role:?}: {error}"))?;
    Ok(role.to_owned())
}

/// A framework that is there.
pub(super) fn known(plan: &Plan, framework: &str) -> Result<String, String> {
    match plan.frameworks.iter().any(|known| known.name == framework) {
        true => Ok(framework.to_owned()),
        false => {
            Err(format!("framework {framework:?} is not there; `framework {framework} role=…` makes it"))
        }
    }
}
