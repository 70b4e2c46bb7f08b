//! How much a role counts beside others.

use libprocess_wire as wire;

use crate::Role;

/// A role's weight: twice the weight, twice the share.
#[wire::part]
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    pub role: Role,
    /// Greater than zero, and finite.
    weight: f64,
}

impl Eq for Weight {}

/// A weight that is no positive number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Weight must be positive")]
pub struct WeightError;

impl Weight {
    /// What a role without an entry weighs.
    pub const DEFAULT: f64 = 1.0;

    /// Errors: when the weight is not a positive finite number.
    pub fn new(role: Role, weight: f64) -> Result<Self, WeightError> {
        if weight.is_finite() && weight > 0.0 { Ok(Self { role, weight }) } else { Err(WeightError) }
    }

    pub fn weight(&self) -> f64 {
        self.weight
    }
}
