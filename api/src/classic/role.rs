//! `/roles`.

use model::{FrameworkId, Quantities};

use super::build::body;
use super::fields;
use super::value::{List, object, write_object};
use crate::json::write::Value;

/// One role, with its whole subtree added up.
#[derive(Clone, Debug)]
pub struct Role<'a> {
    pub name: &'a str,
    pub weight: f64,
    pub guarantee: Quantities,
    pub limit: Quantities,
    /// Allocated, and reserved without being allocated.
    pub consumed: Quantities,
    pub allocated: Quantities,
    pub offered: Quantities,
    pub reserved: Quantities,
    pub frameworks: Vec<&'a FrameworkId>,
}

/// `/roles`, in the order given, which should be that of the names.
pub fn roles(roles: &[Role<'_>]) -> Vec<u8> {
    body(|out| {
        fields! { out; "roles": List(roles.iter()) }
    })
}

impl Value for Role<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut resources = self.allocated.clone();
        resources += &self.offered;
        let quota = object(|out| {
            fields! { out;
                "role": self.name,
                "guarantee": self.guarantee,
                "limit": self.limit,
                "consumed": self.consumed,
            }
        });
        write_object(out, |out| {
            fields! { out;
                "name": self.name,
                "weight": self.weight,
                "quota": quota,
                "resources": resources,
                "allocated": self.allocated,
                "offered": self.offered,
                "reserved": self.reserved,
                "frameworks": List(self.frameworks.iter()),
            }
        });
    }
}
