//! Resources: summed up by name, and one by one.

use std::collections::BTreeMap;

use model::{Quantities, Resources, Role, Scalar, Value as Amount};

use super::names::Printed;
use super::object::{List, Map, object};
use crate::convert::{Spelling, resources};
use crate::json::write::Value;
use crate::v1;

/// The summary: amounts added up by name, whoever they are kept for. The four everybody asks for are always there, in
/// this order; of ranges and sets the text.
impl Value for Resources {
    fn write(&self, out: &mut Vec<u8>) {
        const ALWAYS: [&str; 4] = ["disk", "mem", "gpus", "cpus"];
        let mut sums: Vec<(String, Amount)> =
            ALWAYS.iter().map(|name| ((*name).to_owned(), Amount::Scalar(Scalar::ZERO))).collect();
        for resource in self.iter() {
            let name = if resource.revocable {
                format!("{}_revocable", resource.name)
            } else {
                resource.name.to_string()
            };
            match sums.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => add(sum, &resource.value),
                None => sums.push((name, resource.value.clone())),
            }
        }
        Map(sums.iter().map(|(name, sum)| (name, sum))).write(out);
    }
}

fn add(sum: &mut Amount, more: &Amount) {
    match (sum, more) {
        (Amount::Scalar(sum), Amount::Scalar(more)) => *sum += *more,
        (Amount::Ranges(sum), Amount::Ranges(more)) => *sum = sum.union(more),
        (Amount::Set(sum), Amount::Set(more)) => *sum = sum.union(more),
        // One name with two kinds of value: the first shows.
        _ => {}
    }
}

impl Value for Amount {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Amount::Scalar(amount) => amount.write(out),
            other => Printed(other).write(out),
        }
    }
}

/// Shape: name → number, only what is there.
impl Value for Quantities {
    fn write(&self, out: &mut Vec<u8>) {
        let amounts: Vec<_> = self.iter().collect();
        Map(amounts.iter().map(|(name, amount)| (*name, amount))).write(out);
    }
}

/// Resources one by one, in the spelling old and new readers understand.
pub(in crate::classic) fn full(bag: &Resources) -> Vec<v1::Resource> {
    resources::write(bag, Spelling::ENDPOINT)
}

/// Shape: role → its resources one by one.
pub(in crate::classic) fn full_by_role(bags: &BTreeMap<Role, Resources>) -> impl Value {
    let spelled: Vec<(String, Vec<v1::Resource>)> =
        bags.iter().map(|(role, bag)| (role.to_string(), full(bag))).collect();
    object(move |out| {
        for (role, resources) in &spelled {
            role.write(out);
            out.push(b':');
            List(resources.iter()).write(out);
            out.push(b',');
        }
    })
}

/// Shape: role → summary.
pub(in crate::classic) fn by_role(bags: &BTreeMap<Role, Resources>) -> impl Value {
    Map(bags.iter().map(|(role, bag)| (role.as_str(), bag)))
}
