//! `cgroups/cpu`: how much a container gets when processors are short, and at most.

use agent_cgroups::{Controller, Group, Setting, Version};
use model::ContainerId;

use super::shares::{Bound, Share};
use super::subsystem::Subsystem;
use crate::containerizer::Usage;

/// v1's share of one core; the same of a core that may be taken back.
const SHARES: u64 = 1024;
const SHARES_REVOCABLE: u64 = 10;
const SHARES_MIN: u64 = 2;

/// v2's weight of one core; the same of a core that may be taken back.
const WEIGHT: u64 = 100;
const WEIGHT_MAX: u64 = 10_000;

/// How often a quota begins anew, and the least there can be of it. Unit: microseconds.
const PERIOD: u64 = 100_000;
const QUOTA_MIN: u64 = 1_000;

/// Source: Mesos, cgroups/cpu.
#[derive(Debug)]
pub(super) struct Cpu {
    /// What was asked for is a limit too.
    pub cfs: bool,
    /// Who was given what may be taken back gets little while others want more.
    pub revocable_low: bool,
}

impl Cpu {
    fn settings(&self, share: &Share, version: Version, new: bool) -> Vec<Setting> {
        let low = share.revocable && self.revocable_low;
        let of = |per_core: u64| share.cpus * per_core / 1000;
        let mut settings = vec![match version {
            Version::V1 => {
                Setting::CpuShares(of(if low { SHARES_REVOCABLE } else { SHARES }).max(SHARES_MIN))
            }
            Version::V2 => Setting::CpuWeight(of(if low { 1 } else { WEIGHT }).clamp(1, WEIGHT_MAX)),
        }];
        let quota = match share.cpus_limit {
            Some(Bound::Infinite) => Some(None),
            Some(Bound::At(cpus)) => Some(Some(cpus)),
            None if self.cfs => Some(Some(share.cpus)),
            // A limit there was before is lifted.
            None if !new => Some(None),
            None => None,
        };
        if let Some(quota) = quota {
            let quota = quota.map(|cpus| (cpus * PERIOD / 1000).max(QUOTA_MIN));
            settings.push(Setting::CpuQuota { quota, period: PERIOD });
        }
        settings
    }

    /// Unit: cores.
    fn limit(&self, share: &Share) -> Option<f64> {
        match share.cpus_limit {
            Some(Bound::At(cpus)) => Some(cpus as f64 / 1000.0),
            Some(Bound::Infinite) => None,
            None => self.cfs.then_some(share.cpus as f64 / 1000.0),
        }
    }
}

impl Subsystem for Cpu {
    fn plan(&self, _: &ContainerId, share: &Share, group: &Group, new: bool) -> Result<Vec<Setting>, String> {
        let version = group.dir(Controller::Cpu).map_or(Version::V1, |(_, version)| version);
        Ok(self.settings(share, version, new))
    }

    /// Who has no quota cannot be held back by it, and nothing is said of that.
    fn usage(&self, _: &ContainerId, group: &Group, share: &Share, usage: &mut Usage) {
        let Some(mut figures) = group.cpu() else { return };
        if !self.cfs && share.cpus_limit.is_none() {
            (figures.periods, figures.throttled_nanos) = (None, None);
        }
        usage.user_seconds = figures.user_micros as f64 / 1e6;
        usage.system_seconds = figures.system_micros as f64 / 1e6;
        usage.cpu = Some(figures);
        usage.cpus_limit = self.limit(share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Cpu = Cpu { cfs: false, revocable_low: true };
    const CFS: Cpu = Cpu { cfs: true, revocable_low: true };

    fn said(cpu: &Cpu, share: Share, version: Version, new: bool) -> Vec<String> {
        cpu.settings(&share, version, new).iter().map(ToString::to_string).collect()
    }

    fn cpus(thousandths: u64) -> Share {
        Share { cpus: thousandths, ..Share::default() }
    }

    #[test]
    fn shares_and_weights_follow_cores() {
        assert_eq!(said(&PLAIN, cpus(500), Version::V1, true), ["cpu shares 512"]);
        assert_eq!(said(&PLAIN, cpus(1), Version::V1, true), ["cpu shares 2"]);
        assert_eq!(said(&PLAIN, cpus(500), Version::V2, true), ["cpu weight 50"]);
        assert_eq!(said(&PLAIN, cpus(1_000_000), Version::V2, true), ["cpu weight 10000"]);
    }

    #[test]
    fn what_may_be_taken_back_weighs_little_unless_told_otherwise() {
        let share = Share { revocable: true, ..cpus(2000) };
        assert_eq!(said(&PLAIN, share.clone(), Version::V1, true), ["cpu shares 20"]);
        let even = Cpu { revocable_low: false, ..PLAIN };
        assert_eq!(said(&even, share, Version::V1, true), ["cpu shares 2048"]);
    }

    #[test]
    fn a_quota_comes_from_the_flag_or_from_a_limit_and_never_below_a_millisecond() {
        assert_eq!(said(&CFS, cpus(200), Version::V1, true)[1], "cpu quota 20000/100000");
        assert_eq!(said(&CFS, cpus(1), Version::V2, true)[1], "cpu quota 1000/100000");
        let limited = Share { cpus_limit: Some(Bound::At(1500)), ..cpus(500) };
        assert_eq!(said(&PLAIN, limited, Version::V1, true)[1], "cpu quota 150000/100000");
        let unlimited = Share { cpus_limit: Some(Bound::Infinite), ..cpus(500) };
        assert_eq!(said(&CFS, unlimited, Version::V1, true)[1], "cpu quota max/100000");
        assert_eq!(said(&PLAIN, cpus(500), Version::V1, false)[1], "cpu quota max/100000");
    }
}
