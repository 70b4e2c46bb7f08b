//! Resources: summed up by name, and one by one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Quantities, Resources, Role, Scalar, Value as Amount};

use super::names::Printed;
use super::object::{List, Map, object};
use crate::convert::{Spelling, resources};
use crate::json::write::{self, Value};
use crate::v1;

/// The summary: amounts added up by name, whoever they are kept for. The four everybody asks for are always there, in
/// this order; of ranges and sets the text.
impl Value for Resources {
    fn write(&self, out: &mut Vec<u8>) {
        const KEYS: [&str; 4] = ["\"disk\":", "\"mem\":", "\"gpus\":", "\"cpus\":"];
        let mut usual = [Scalar::ZERO; 4];
        let mut others: Vec<(Cow<'_, str>, Cow<'_, Amount>)> = Vec::new();
        for resource in self.iter() {
            let place = match &*resource.name {
                "disk" => Some(0),
                "mem" => Some(1),
                "gpus" => Some(2),
                "cpus" => Some(3),
                _ => None,
            };
            if let (Some(place), false) = (place, resource.revocable) {
                if let Amount::Scalar(more) = resource.value {
                    usual[place] += more;
                }
                continue;
            }
            let name = match resource.revocable {
                true => Cow::Owned(format!("{}_revocable", resource.name)),
                false => Cow::Borrowed(&*resource.name),
            };
            match others.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => add(sum.to_mut(), &resource.value),
                None => others.push((name, Cow::Borrowed(&resource.value))),
            }
        }
        out.push(b'{');
        for (key, amount) in KEYS.iter().zip(&usual) {
            write::one(out, key, amount);
        }
        for (name, sum) in &others {
            name.write(out);
            out.push(b':');
            sum.write(out);
            out.push(b',');
        }
        write::close(out, b'}');
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
