//! How much of what is given away may be given once more.

use std::fmt;

use model::Resources;

use super::Usage;

/// Says how much more may be given to revocable tasks than they have already.
///
/// Source: Mesos modules, `ResourceEstimator`.
pub trait ResourceEstimator: fmt::Debug + Send + Sync {
    /// Shape: revocable and unreserved; anything else in it is left out.
    fn oversubscribable(&self, usage: &Usage) -> Resources;
}

/// Always the same in all, whatever the machine is at.
#[derive(Clone, Debug)]
pub(super) struct Fixed(Resources);

impl Fixed {
    /// Of amounts, which become revocable.
    pub(super) fn new(amounts: &Resources) -> Fixed {
        Fixed(
            amounts
                .iter()
                .cloned()
                .map(|mut resource| {
                    resource.revocable = true;
                    resource
                })
                .collect(),
        )
    }
}

impl ResourceEstimator for Fixed {
    fn oversubscribable(&self, usage: &Usage) -> Resources {
        self.0.clone() - &usage.revocable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_revocable_tasks_have_is_no_longer_to_be_given() {
        let fixed = Fixed::new(&"cpus:4".parse().unwrap());
        let mut usage = Usage::default();
        assert_eq!(fixed.oversubscribable(&usage).to_string(), "cpus{REV}:4");
        usage.revocable = fixed.oversubscribable(&usage);
        assert!(fixed.oversubscribable(&usage).is_empty());
    }
}
