//! Amounts by name.

use std::collections::BTreeMap;

use model::{Quantities, Quota, Scalar};

use super::super::ConvertError;
use super::super::simple::scalar_out;
use crate::v1;

/// Reads amounts by name, as quota and offer filters give them; negative ones are refused.
pub fn read_quantities(
    amounts: impl IntoIterator<Item = (String, v1::value::Scalar)>,
) -> Result<Quantities, ConvertError> {
    amounts
        .into_iter()
        .map(|(name, amount)| match Scalar::from_f64(amount.value) {
            Ok(amount) if amount >= Scalar::ZERO => Ok((name, amount)),
            Ok(_) => Err(ConvertError::new("must be non-negative").at(&name)),
            Err(error) => Err(ConvertError::new(error.to_string()).at(&name)),
        })
        .collect()
}

/// Spells amounts by name.
pub fn write_quantities(amounts: &Quantities) -> BTreeMap<String, v1::value::Scalar> {
    amounts.iter().map(|(name, amount)| (name.to_string(), scalar_out(amount))).collect()
}

impl From<&Quota> for v1::quota::QuotaConfig {
    fn from(quota: &Quota) -> Self {
        v1::quota::QuotaConfig {
            role: quota.role.to_string(),
            guarantees: write_quantities(&quota.guarantees),
            limits: write_quantities(&quota.limits),
        }
    }
}
