//! `posix/rlimits`: limits of each process, as setrlimit(2) knows them.

use agent_launch::isolation::Rlimit;
use model::container::{RLimit, RLimitKind};

use super::isolator::{Isolator, Plan, Subject};

/// Sets what a container asks for, before rights are dropped.
#[derive(Debug)]
pub(super) struct Rlimits;

impl Isolator for Rlimits {
    fn name(&self) -> &'static str {
        "posix/rlimits"
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        let asked = subject.config.container.iter().flat_map(|container| &container.rlimits);
        for limit in asked {
            plan.isolation.rlimits.push(rlimit(limit)?);
        }
        Ok(())
    }
}

/// How many files may be open where nothing else is asked for: an agent raises its own limit, and there are programs that
/// cannot cope with more than they used to get.
#[derive(Debug)]
pub(super) struct OpenFiles {
    pub(super) soft: u64,
    pub(super) hard: u64,
}

impl Isolator for OpenFiles {
    fn name(&self) -> &'static str {
        "open files"
    }

    fn prepare(&self, _: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        let resource = number(RLimitKind::Nofile);
        plan.isolation.rlimits.push(Rlimit { resource, soft: Some(self.soft), hard: Some(self.hard) });
        Ok(())
    }
}

/// Source: Mesos' RLimitInfo: both figures or none.
fn rlimit(limit: &RLimit) -> Result<Rlimit, String> {
    match (limit.soft, limit.hard) {
        (Some(soft), Some(hard)) if soft > hard => {
            Err(format!("{:?}: the soft limit {soft} is above the hard limit {hard}", limit.kind))
        }
        (Some(_), None) | (None, Some(_)) => {
            Err(format!("{:?}: both a soft and a hard limit are needed, or neither", limit.kind))
        }
        (soft, hard) => Ok(Rlimit { resource: number(limit.kind), soft, hard }),
    }
}

/// The kernel's numbers. Source: asm-generic/resource.h.
fn number(kind: RLimitKind) -> u32 {
    match kind {
        RLimitKind::Cpu => 0,
        RLimitKind::Fsize => 1,
        RLimitKind::Data => 2,
        RLimitKind::Stack => 3,
        RLimitKind::Core => 4,
        RLimitKind::Rss => 5,
        RLimitKind::Nproc => 6,
        RLimitKind::Nofile => 7,
        RLimitKind::Memlock => 8,
        RLimitKind::As => 9,
        RLimitKind::Locks => 10,
        RLimitKind::Sigpending => 11,
        RLimitKind::Msgqueue => 12,
        RLimitKind::Nice => 13,
        RLimitKind::Rtprio => 14,
        RLimitKind::Rttime => 15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_two_figures_in_order_or_none() {
        let of = |soft, hard| rlimit(&RLimit { kind: RLimitKind::Nofile, soft, hard });
        assert_eq!(of(Some(10), Some(20)), Ok(Rlimit { resource: 7, soft: Some(10), hard: Some(20) }));
        assert_eq!(of(None, None), Ok(Rlimit { resource: 7, soft: None, hard: None }));
        assert_eq!(
            of(Some(30), Some(20)).unwrap_err(),
            "Nofile: the soft limit 30 is above the hard limit 20"
        );
        assert!(of(Some(30), None).is_err());
    }
}
