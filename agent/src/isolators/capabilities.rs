//! `linux/capabilities` and `linux/nnp`: which rights of the superuser a container has, and that it gains none.

use agent_launch::isolation;
use model::container::LinuxCapability;

use super::config::{CapabilitySet, IsolationConfig};
use super::isolator::{Isolator, Plan, Subject};

/// `linux/capabilities`.
///
/// Source: Mesos, linux/capabilities: what a task asks for goes before the operator's default, and never beyond the
/// operator's bound.
#[derive(Debug)]
pub(super) struct Capabilities {
    effective: Option<CapabilitySet>,
    bounding: Option<CapabilitySet>,
}

impl Capabilities {
    /// Errors: the default exceeds the bound.
    pub(super) fn new(config: &IsolationConfig) -> Result<Self, String> {
        let (effective, bounding) = (config.effective_capabilities, config.bounding_capabilities);
        if let (Some(effective), Some(bounding)) = (effective, bounding)
            && effective & !bounding != 0
        {
            return Err("--effective_capabilities must be among --bounding_capabilities".to_owned());
        }
        Ok(Self { effective, bounding })
    }

    fn decide(
        &self,
        effective: Option<CapabilitySet>,
        bounding: Option<CapabilitySet>,
    ) -> Result<Option<isolation::Capabilities>, String> {
        if let (Some(asked), Some(allowed)) = (bounding.or(effective), self.bounding)
            && asked & !allowed != 0
        {
            return Err("the capabilities asked for are not among --bounding_capabilities".to_owned());
        }
        // A bound without a word on what is held holds what of the default fits.
        let held = match (effective, bounding) {
            (Some(effective), _) => Some(effective),
            (None, Some(bounding)) => Some(self.effective.unwrap_or(bounding) & bounding),
            (None, None) => self.effective.or(self.bounding),
        };
        let Some(held) = held else { return Ok(None) };
        let bound = bounding.or(effective).or(self.bounding).or(self.effective).unwrap_or(held);
        if held & !bound != 0 {
            return Err("the effective capabilities are not among the bounding ones".to_owned());
        }
        Ok(Some(isolation::Capabilities { effective: held, bounding: bound }))
    }
}

impl Isolator for Capabilities {
    fn name(&self) -> &'static str {
        "linux/capabilities"
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        let linux = subject.config.container.as_ref().and_then(|container| container.linux.as_ref());
        let effective =
            linux.and_then(|linux| linux.effective_capabilities.as_ref().or(linux.capabilities.as_ref()));
        let bounding = linux.and_then(|linux| linux.bounding_capabilities.as_ref());
        plan.isolation.capabilities =
            self.decide(effective.map(|list| set(list)), bounding.map(|list| set(list)))?;
        Ok(())
    }
}

fn set(of: &[LinuxCapability]) -> CapabilitySet {
    of.iter().fold(0, |set, capability| set | (1 << capability.number()))
}

/// `linux/nnp`.
#[derive(Debug)]
pub(super) struct NoNewPrivileges;

impl Isolator for NoNewPrivileges {
    fn name(&self) -> &'static str {
        "linux/nnp"
    }

    fn prepare(&self, _: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        plan.isolation.no_new_privileges = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(effective: u64, bounding: u64) -> Option<isolation::Capabilities> {
        Some(isolation::Capabilities { effective, bounding })
    }

    #[test]
    fn a_task_has_what_it_asks_for_within_the_operators_bound() {
        let free = Capabilities { effective: None, bounding: None };
        assert_eq!(free.decide(None, None), Ok(None));
        assert_eq!(free.decide(Some(0b10), None), Ok(sets(0b10, 0b10)));
        assert_eq!(free.decide(Some(0b10), Some(0b110)), Ok(sets(0b10, 0b110)));
        assert!(free.decide(Some(0b10), Some(0b100)).is_err());

        let operator = Capabilities { effective: Some(0b1), bounding: Some(0b111) };
        assert_eq!(operator.decide(None, None), Ok(sets(0b1, 0b111)));
        assert_eq!(operator.decide(Some(0b100), None), Ok(sets(0b100, 0b100)));
        assert!(operator.decide(Some(0b1000), None).is_err());
    }
}
