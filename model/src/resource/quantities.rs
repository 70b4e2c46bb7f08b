//! Numbers by name: what shares and quota are counted in.

use std::{
    fmt,
    ops::{AddAssign, SubAssign},
    sync::Arc,
};

use libprocess_wire as wire;

use super::{Resources, Value};
use crate::Scalar;

/// Amounts by resource name, in name order; what is not named is zero.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantities(Vec<(Arc<str>, Scalar)>);

impl Quantities {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, Scalar)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }

    /// The amount of a name; zero if it is not there.
    pub fn get(&self, name: &str) -> Scalar {
        self.lookup(name).map_or(Scalar::ZERO, |index| self.0[index].1)
    }

    /// Whether the name is there, were it with zero.
    pub fn names(&self, name: &str) -> bool {
        self.lookup(name).is_ok()
    }

    /// Sets an amount; zero too, since a limit of nothing is not no limit.
    pub fn set(&mut self, name: impl Into<Arc<str>>, amount: Scalar) {
        let name = name.into();
        match self.lookup(&name) {
            Ok(index) => self.0[index].1 = amount,
            Err(index) => self.0.insert(index, (name, amount)),
        }
    }

    /// Whether every amount of `other` is there.
    pub fn contains(&self, other: &Quantities) -> bool {
        other.0.iter().all(|(name, amount)| self.get(name) >= *amount)
    }

    fn lookup(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    fn add(&mut self, name: &Arc<str>, amount: Scalar) {
        match self.lookup(name) {
            Ok(index) => self.0[index].1 += amount,
            Err(index) => self.0.insert(index, (name.clone(), amount)),
        }
    }
}

impl Resources {
    /// All of it in numbers: amounts by value, numbers and names by how many; a shared one once.
    pub fn quantities(&self) -> Quantities {
        let mut sum = Quantities::new();
        for resource in self.iter() {
            sum.add(&resource.name, resource.value.quantity());
        }
        sum
    }

    /// The amounts alone, which shares and quota are made of.
    pub fn scalar_quantities(&self) -> Quantities {
        let mut sum = Quantities::new();
        for resource in self.iter() {
            if let Value::Scalar(amount) = resource.value {
                sum.add(&resource.name, amount);
            }
        }
        sum
    }
}

impl<N: Into<Arc<str>>> FromIterator<(N, Scalar)> for Quantities {
    fn from_iter<I: IntoIterator<Item = (N, Scalar)>>(amounts: I) -> Self {
        let mut sum = Quantities::new();
        for (name, amount) in amounts {
            sum.add(&name.into(), amount);
        }
        sum
    }
}

impl AddAssign<&Quantities> for Quantities {
    fn add_assign(&mut self, other: &Quantities) {
        for (name, amount) in &other.0 {
            self.add(name, *amount);
        }
    }
}

impl SubAssign<&Quantities> for Quantities {
    /// Takes away as much as is there; what becomes zero is no longer named.
    fn sub_assign(&mut self, other: &Quantities) {
        for (name, amount) in &other.0 {
            if let Ok(index) = self.lookup(name) {
                self.0[index].1 = self.0[index].1.saturating_sub(*amount);
            }
        }
        self.0.retain(|(_, amount)| !amount.is_zero());
    }
}

impl fmt::Display for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, amount)) in self.0.iter().enumerate() {
            write!(f, "{}{name}: {amount}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_count_by_how_many() {
        let bag: Resources = "cpus:1.5;cpus(a):2;ports:[1-10];disks:{a, b}".parse().unwrap();
        assert_eq!(bag.quantities().to_string(), "cpus: 3.5, disks: 2, ports: 10");
        assert_eq!(bag.scalar_quantities().to_string(), "cpus: 3.5");
    }

    #[test]
    fn what_is_not_named_is_zero() {
        let mut amounts = Quantities::from_iter([("cpus", Scalar::whole(2))]);
        assert_eq!(amounts.get("mem"), Scalar::ZERO);
        assert!(amounts.contains(&Quantities::from_iter([("mem", Scalar::ZERO)])));
        assert!(!amounts.contains(&Quantities::from_iter([("mem", Scalar::whole(1))])));
        let all = amounts.clone();
        amounts -= &all;
        assert!(amounts.is_empty());
    }
}
