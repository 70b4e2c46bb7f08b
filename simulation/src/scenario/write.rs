//! A plan becomes a text.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use model::duration::format_duration;

use super::happen::DISKS;
use crate::cluster::{Part, Trouble, What};
use crate::experiment::{Order, Plan};
use crate::workload::{Distribution, Job, Style, TaskFaults};

/// Writes a plan so that [`read`](super::read()) gives that plan: nothing in it is left to chance but the seed.
pub fn write(plan: &Plan) -> String {
    let setup = &plan.setup;
    let mut text = format!("seed {}\nmasters {}\n", setup.seed, setup.masters);
    let mut say = |line: &dyn Display| writeln!(text, "{line}").expect("a string takes everything");
    say(&format_args!("agents {} {}", setup.agents, Tight(&setup.resources)));
    if setup.older {
        say(&"older");
    }
    let times = [
        ("allocation_interval", setup.allocation_interval),
        ("agent_reregister_timeout", setup.agent_reregister_timeout),
        ("agent_ping_timeout", setup.agent_ping_timeout),
        ("registration_backoff", setup.registration_backoff),
    ];
    for (name, time) in times {
        say(&format_args!("set {name}={}", format_duration(time)));
    }
    say(&format_args!("set max_agent_ping_timeouts={}", setup.max_agent_ping_timeouts));
    for (number, attributes) in setup.attributes.iter().enumerate() {
        let all = attributes.to_string();
        for (name, value) in all.split(';').filter_map(|one| one.split_once(':')) {
            say(&format_args!("attribute {number} {}={}", name.trim(), Tight(&value)));
        }
    }
    for framework in &plan.frameworks {
        say(&format_args!("framework {} role={}", framework.name, framework.role));
    }
    plan.jobs.iter().for_each(|job| say(&Line(job)));
    plan.troubles.iter().for_each(|trouble| say(&Line(trouble)));
    for (at, order) in &plan.orders {
        say(&format_args!("at {} {order}", format_duration(*at)));
    }
    say(&format_args!("run {} settle={}", format_duration(plan.lasts), format_duration(plan.settles)));
    for expectation in &plan.expectations {
        say(&format_args!("expect {} {expectation}", format_duration(expectation.at)));
    }
    text
}

/// Something without the blanks in its text.
struct Tight<'a, T>(&'a T);

impl<T: Display> Display for Tight<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_string().replace(' ', ""))
    }
}

/// Something as its statement.
struct Line<'a, T>(&'a T);

impl Display for Line<'_, Job> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Job { name, framework, arrives, tasks, resources, lasts, style, only, faults } = self.0;
        write!(f, "job {name} framework={framework} tasks={tasks} resources={}", Tight(resources))?;
        write!(f, " lasts={lasts}")?;
        if *arrives > Duration::ZERO {
            write!(f, " at={}", format_duration(*arrives))?;
        }
        let usual = if *lasts == Distribution::Forever { Style::Service } else { Style::Batch };
        if *style != usual {
            f.write_str(match style {
                Style::Batch => " style=batch",
                Style::Service => " style=service",
                Style::Gang => " style=gang",
            })?;
        }
        if let Some((name, value)) = only {
            write!(f, " only={name}={value}")?;
        }
        let TaskFaults { fails, crashes, hangs } = faults;
        for (name, part) in [("fails", fails), ("crashes", crashes), ("hangs", hangs)] {
            if *part > 0.0 {
                write!(f, " {name}={part}")?;
            }
        }
        Ok(())
    }
}

impl Display for Line<'_, Trouble> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trouble { from, until, what } = self.0;
        let lasts = until.saturating_sub(*from);
        write!(f, "at {} {} for {}", format_duration(*from), Line(what), format_duration(lasts))
    }
}

impl Display for Line<'_, What> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            What::Kill(part, disk) => {
                let kept = DISKS.iter().find(|(_, known)| known == disk).map_or("kept", |(name, _)| name);
                write!(f, "kill {} {kept}", Line(part))
            }
            What::Reboot(agent) => write!(f, "reboot agent {agent}"),
            What::Isolate(part) => write!(f, "isolate {}", Line(part)),
            What::OneWay(from, to) => write!(f, "one-way {} to {}", Line(from), Line(to)),
            What::Cut(one, other) => write!(f, "cut {} and {}", Line(one), Line(other)),
            What::Slow(part, latency) => write!(f, "slow {} {}", Line(part), format_duration(*latency)),
            What::Pause(part) => write!(f, "pause {}", Line(part)),
            What::SlowDisk(part, slow) => write!(f, "slow-disk {} {}", Line(part), format_duration(*slow)),
            What::FullDisk(part) => write!(f, "full-disk {}", Line(part)),
            What::Skew(part, ahead) => write!(f, "skew {} {ahead}", Line(part)),
        }
    }
}

impl Display for Line<'_, Part> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Part::Leader => f.write_str("leader"),
            Part::Master(number) => write!(f, "master {number}"),
            Part::Agent(number) => write!(f, "agent {number}"),
            Part::Framework(number) => write!(f, "framework {number}"),
        }
    }
}

/// Orders are told in the words they are given in.
impl Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Drain(agent) => write!(f, "drain agent {agent}"),
            Order::Reactivate(agent) => write!(f, "reactivate agent {agent}"),
            Order::Schedule { agent, begins, lasts } => {
                let [begins, lasts] = [begins, lasts].map(|time| format_duration(*time));
                write!(f, "schedule agent {agent} in {begins} lasting {lasts}")
            }
            Order::Down(agent) => write!(f, "down agent {agent}"),
            Order::Up(agent) => write!(f, "up agent {agent}"),
            Order::Quota { role, limits } if limits.is_empty() => write!(f, "quota {role} none"),
            Order::Quota { role, limits } => write!(f, "quota {role} {}", Tight(limits)),
            Order::Weight { role, weight } => write!(f, "weight {role} {weight}"),
            Order::AddMaster => f.write_str("add-master"),
            Order::RemoveMaster(master) => write!(f, "remove-master {master}"),
            Order::HandOver => f.write_str("hand-over"),
            Order::Upgrade(part) => write!(f, "upgrade {}", Line(part)),
            Order::Grow(agents) => write!(f, "grow {agents}"),
            Order::Cancel { framework, job } => write!(f, "cancel {framework} {job}"),
        }
    }
}
