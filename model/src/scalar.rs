//! Amounts that add up exactly.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
    str::FromStr,
};

use libprocess_wire as wire;

/// An amount of one scalar resource, exact to a thousandth.
///
/// Unit: that of the resource it counts: cores for `cpus`, mebibytes for `mem` and `disk`.
/// Source: Mesos attributes and resources, "fixed point".
#[wire::part]
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar {
    thousandths: i64,
}

/// Why a number is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScalarError {
    #[error("value is not a finite number")]
    NotFinite,
    #[error("value is out of range")]
    OutOfRange,
    #[error("value is not a number")]
    NotANumber,
}

impl Scalar {
    pub const ZERO: Scalar = Scalar { thousandths: 0 };

    /// The largest amount that is accepted; sums of many of them still fit.
    pub const MAX: Scalar = Scalar { thousandths: 10_i64.pow(15) };

    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self { thousandths }
    }

    pub const fn thousandths(self) -> i64 {
        self.thousandths
    }

    /// A whole amount.
    pub const fn whole(units: i64) -> Self {
        Self { thousandths: units.saturating_mul(1000) }
    }

    /// The nearest thousandth of a number from outside; negative ones can be held, so that they
    /// can be named when refused.
    ///
    /// Errors: when it is not finite or its size is beyond [`Scalar::MAX`].
    pub fn from_f64(value: f64) -> Result<Self, ScalarError> {
        if !value.is_finite() {
            return Err(ScalarError::NotFinite);
        }
        let thousandths = (value * 1000.0).round();
        if thousandths.abs() > Self::MAX.thousandths as f64 {
            return Err(ScalarError::OutOfRange);
        }
        Ok(Self { thousandths: thousandths as i64 })
    }

    /// The double that is written with at most three decimals.
    pub fn as_f64(self) -> f64 {
        self.thousandths as f64 / 1000.0
    }

    pub const fn is_zero(self) -> bool {
        self.thousandths == 0
    }

    pub const fn is_positive(self) -> bool {
        self.thousandths > 0
    }

    /// Whether it has no fraction, as `gpus` must not have one.
    pub const fn is_integral(self) -> bool {
        self.thousandths % 1000 == 0
    }

    /// What is left of it, or nothing if `other` is more.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self { thousandths: self.thousandths.saturating_sub(other.thousandths).max(0) }
    }
}

impl Add for Scalar {
    type Output = Scalar;

    fn add(self, other: Scalar) -> Scalar {
        Scalar { thousandths: self.thousandths.saturating_add(other.thousandths) }
    }
}

impl Sub for Scalar {
    type Output = Scalar;

    fn sub(self, other: Scalar) -> Scalar {
        Scalar { thousandths: self.thousandths.saturating_sub(other.thousandths) }
    }
}

impl Neg for Scalar {
    type Output = Scalar;

    fn neg(self) -> Scalar {
        Scalar { thousandths: self.thousandths.saturating_neg() }
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Scalar) {
        *self = *self + other;
    }
}

impl SubAssign for Scalar {
    fn sub_assign(&mut self, other: Scalar) {
        *self = *self - other;
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Scalar>>(amounts: I) -> Scalar {
        amounts.fold(Scalar::ZERO, Add::add)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.thousandths < 0 { "-" } else { "" };
        let size = self.thousandths.unsigned_abs();
        let (whole, rest) = (size / 1000, size % 1000);
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{rest:03}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Scalar {
    type Err = ScalarError;

    fn from_str(text: &str) -> Result<Self, ScalarError> {
        Self::from_f64(text.trim().parse().map_err(|_| ScalarError::NotANumber)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_added_ten_times_is_one() {
        let tenth = Scalar::from_f64(0.1).unwrap();
        assert_eq!((0..10).map(|_| tenth).sum::<Scalar>(), Scalar::whole(1));
    }

    #[test]
    fn an_amount_prints_without_spare_zeros() {
        for (value, text) in
            [(8.0, "8"), (7.9, "7.9"), (-1.0, "-1"), (-0.25, "-0.25"), (0.001, "0.001"), (0.0, "0")]
        {
            let amount = Scalar::from_f64(value).unwrap();
            assert_eq!(amount.to_string(), text);
            assert_eq!(text.parse(), Ok(amount));
        }
    }

    #[test]
    fn numbers_that_are_no_amount_are_refused() {
        assert_eq!(Scalar::from_f64(f64::NAN), Err(ScalarError::NotFinite));
        assert_eq!(Scalar::from_f64(f64::INFINITY), Err(ScalarError::NotFinite));
        assert_eq!(Scalar::from_f64(1e300), Err(ScalarError::OutOfRange));
        assert_eq!("x".parse::<Scalar>(), Err(ScalarError::NotANumber));
    }
}
