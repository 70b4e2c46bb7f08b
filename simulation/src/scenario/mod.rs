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
//! | `older` | all of it begins in the version before: what messages there have an older version are said in that |
//! | `set NAME=TIME` | `allocation_interval`, `agent_reregister_timeout`, `agent_ping_timeout`, `registration_backoff`; `max_agent_ping_timeouts` is a number |
//! | `attribute N[-M] NAME=VALUE` | what those agents say of themselves |
//! | `framework NAME role=ROLE` | who runs jobs |
//! | `job NAME framework= tasks= resources= lasts= [at=] [style=batch\|service\|gang] [only=] [fails=] [crashes=] [hangs=]` | what is run |
//! | `mix KIND tasks= within= mean= [fails=] [crashes=] [hangs=]` | jobs drawn by chance, for all frameworks in turn |
//! | `trouble every=TIME` | things go wrong by chance |
//! | `operators every=TIME` | operators do things by chance |
//! | `at TIME` … | what goes wrong, and what operators do: see [`happen`] |
//! | `run TIME [settle=TIME]` | how long, and how long after it everybody may take to agree |
//! | `expect TIME WHAT =\|<\|> N [of FRAMEWORK]` | `pending`, `live`, `running`, `finished`, `failed`, `killed`, `lost`, `agents` at that time |
//! | `expect TIME share =\|<\|> PERCENT of ROLE` | the dominant share of a role; `=` allows for one percent more or less |
//!
//! 1. [`read`]: a text becomes a plan, or the first wrong line and word are named;
//! 2. [`happen`]: the statements that begin with `at`;
//! 3. [`write`]: a plan becomes a text that reads as that plan.

mod happen;
mod read;
mod words;
mod write;

pub use read::read;
pub use write::write;

/// Why a text is no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ScenarioError {
    /// Counted from one.
    pub line: usize,
    /// Names the word.
    pub why: String,
}

#[cfg(test)]
mod tests;
