//! Why somebody is offered no more: what an allocator answers when it is asked about a decision.
//!
//! One answer for each framework in each of its roles. It counts agents by the first thing that keeps them from it, in the
//! order in which an allocator looks, and names the smallest change that would help: of all reasons that keep at least one
//! agent back, the one that takes the least to undo.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use model::{FrameworkId, Resources, Role};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// About whom.
    pub subject: Subject,
    /// What an offer should hold at least, for a task that waits for it. Empty: any offer.
    pub wants: Resources,
}

/// About whom it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A framework in all its roles.
    Framework(FrameworkId),
    /// Every framework in exactly this role.
    Role(Role),
}

/// The answers to one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Why {
    /// How many agents there are.
    pub agents: usize,
    /// Nothing is allocated at all before agents are back after a failover.
    pub paused: bool,
    /// In order of frameworks and roles.
    pub answers: Vec<Answer>,
}

/// Why a framework is offered no more in one role.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Whom it is about.
    pub framework: FrameworkId,
    /// In which of its roles.
    pub role: Role,
    /// How many agents were looked at. Fewer than there are, evenly spread, where all would take too long.
    pub looked_at: usize,
    /// Agents by what keeps them back.
    pub reasons: BTreeMap<Reason, usize>,
    /// When the first of its filters ends, if one keeps something back.
    pub filter_ends: Option<Duration>,
}

/// What keeps an agent's resources from being offered. Those that take the least to undo come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The framework is not connected.
    Disconnected,
    /// It wants no offers in this role.
    Suppressed,
    /// Nothing: somebody else comes first, or the next run is due.
    Turn,
    /// It refused as much as this from this agent, and that has not ended.
    Filter,
    /// It waits for agents that it prefers.
    Preference,
    /// Less than what is worth an offer.
    Minimum,
    /// Less than what it wants.
    TooLittle,
    /// The framework lacks a capability that what is there needs, or the agent lacks one.
    Capability(&'static str),
    /// Its offer constraints exclude the agent.
    Constraint,
    /// The role has what its quota lets it have.
    QuotaLimit,
    /// What is left is promised to other roles.
    QuotaGuarantees,
    /// What is left is kept for other roles.
    Reserved,
    /// The agent's host is not on the whitelist.
    Whitelist,
    /// The agent is disconnected, drained or deactivated.
    Inactive,
    /// All of the agent is offered or used.
    InUse,
}

impl Reason {
    /// As the answer spells it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Disconnected => "disconnected",
            Reason::Suppressed => "suppressed",
            Reason::Turn => "turn",
            Reason::Filter => "filter",
            Reason::Preference => "preference",
            Reason::Minimum => "minimum",
            Reason::TooLittle => "too_little",
            Reason::Capability(_) => "capability",
            Reason::Constraint => "constraint",
            Reason::QuotaLimit => "quota_limit",
            Reason::QuotaGuarantees => "quota_guarantees",
            Reason::Reserved => "reserved",
            Reason::Whitelist => "whitelist",
            Reason::Inactive => "inactive",
            Reason::InUse => "in_use",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Disconnected => "the framework is not connected",
            Reason::Suppressed => "the framework has suppressed offers in this role",
            Reason::Turn => "nothing keeps it back, it is not its turn yet",
            Reason::Filter => "the framework has declined it, and its filter has not ended",
            Reason::Preference => "the framework waits for agents that it prefers",
            Reason::Minimum => "less is left than is worth an offer",
            Reason::TooLittle => "less is left than is wanted",
            Reason::Capability(name) => return write!(f, "it takes the capability {name}"),
            Reason::Constraint => "the framework's offer constraints exclude it",
            Reason::QuotaLimit => "the role has all that its quota lets it have",
            Reason::QuotaGuarantees => "what is left is promised to other roles",
            Reason::Reserved => "what is left is reserved for other roles",
            Reason::Whitelist => "the host is not on the whitelist",
            Reason::Inactive => "the agent is disconnected, draining or deactivated",
            Reason::InUse => "all of it is offered or used",
        })
    }
}

impl Answer {
    /// The smallest change that would help, and how many agents it would open. `None` when there is no agent.
    pub fn help(&self) -> Option<(String, usize)> {
        let (reason, count) = self.reasons.first_key_value()?;
        let role = &self.role;
        let change = match reason {
            Reason::Disconnected => "have the framework subscribe again".to_owned(),
            Reason::Suppressed => format!("have the framework call REVIVE for role {role}"),
            Reason::Turn => "wait for the next allocation".to_owned(),
            Reason::Filter => match self.filter_ends {
                Some(ends) => format!(
                    "wait {:.1} s for the first filter to end, or have the framework call REVIVE for role {role}",
                    ends.as_secs_f64()
                ),
                None => format!("have the framework call REVIVE for role {role}"),
            },
            Reason::Preference => {
                "wait until the preference ends, or have the framework call REQUEST without agents".to_owned()
            }
            Reason::Minimum => format!(
                "lower --min_allocatable_resources, or the framework's own minimum for role {role} in its offer_filters"
            ),
            Reason::TooLittle => "want less, or let other tasks on one of these agents end".to_owned(),
            Reason::Capability(name @ ("MULTI_ROLE" | "HIERARCHICAL_ROLE")) => {
                format!("run agents that have the capability {name}")
            }
            Reason::Capability(name) => format!("have the framework subscribe with the capability {name}"),
            Reason::Constraint => format!("loosen the framework's offer constraints for role {role}"),
            Reason::QuotaLimit => format!("raise the limits in the quota of role {}", role.top()),
            Reason::QuotaGuarantees => "lower the guarantees of other roles, or add agents".to_owned(),
            Reason::Reserved => format!("unreserve what is kept for other roles, or reserve it for {role}"),
            Reason::Whitelist => "put the agents' hosts on the whitelist".to_owned(),
            Reason::Inactive => "bring the agents back, or reactivate them".to_owned(),
            Reason::InUse => "let tasks end, or add agents".to_owned(),
        };
        Some((change, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_the_least_is_advised_though_it_opens_fewer_agents() {
        let mut answer = Answer {
            framework: "f".into(),
            role: "web/api".into(),
            looked_at: 12,
            reasons: BTreeMap::from([(Reason::InUse, 9), (Reason::QuotaLimit, 3)]),
            filter_ends: None,
        };
        assert_eq!(answer.help(), Some(("raise the limits in the quota of role web".to_owned(), 3)));
        answer.reasons.insert(Reason::Filter, 1);
        answer.filter_ends = Some(Duration::from_millis(2500));
        let (change, agents) = answer.help().expect("there are agents");
        assert!(change.starts_with("wait 2.5 s") && agents == 1, "{change}");
        answer.reasons.clear();
        assert_eq!(answer.help(), None);
    }
}
