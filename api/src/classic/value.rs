//! How single values of the domain look in every old body.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use model::{
    AgentCapabilities, AgentId, AttributeValue, Attributes, CommandInfo, ContainerId, DrainConfig, DrainInfo,
    DrainState, ExecutorId, ExecutorKind, FaultDomain, FrameworkCapabilities, FrameworkId, Label, Labels,
    NetworkInfo, OfferId, Quantities, Resources, Role, Scalar, TaskId, TaskState, Time, Value as Amount,
};

use super::fields;
use crate::convert::{Spelling, resources};
use crate::json::write::{self, Value};
use crate::v1;

/// An object whose fields a closure writes.
pub(super) struct Object<F>(pub(super) F);

impl<F: Fn(&mut Vec<u8>)> Value for Object<F> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        (self.0)(out);
        write::close(out, b'}');
    }
}

/// Lets the compiler know what the closure takes.
pub(super) fn object<F: Fn(&mut Vec<u8>)>(fields: F) -> Object<F> {
    Object(fields)
}

pub(super) fn write_object(out: &mut Vec<u8>, fields: impl Fn(&mut Vec<u8>)) {
    Object(fields).write(out);
}

/// A list of what an iterator gives.
pub(super) struct List<I>(pub(super) I);

impl<I: Iterator<Item: Value> + Clone> Value for List<I> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for item in self.0.clone() {
            item.write(out);
            out.push(b',');
        }
        write::close(out, b']');
    }
}

/// An object by name.
pub(super) struct Map<I>(pub(super) I);

impl<K: AsRef<str>, V: Value, I: Iterator<Item = (K, V)> + Clone> Value for Map<I> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (key, value) in self.0.clone() {
            key.as_ref().write(out);
            out.push(b':');
            value.write(out);
            out.push(b',');
        }
        write::close(out, b'}');
    }
}

/// A text that is printed.
pub(super) struct Printed<T>(pub(super) T);

impl<T: Display> Value for Printed<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.to_string().write(out);
    }
}

macro_rules! texts {
    ($($type:ty)*) => {$(
        impl Value for $type {
            fn write(&self, out: &mut Vec<u8>) {
                self.as_str().write(out);
            }
        }
    )*};
}

texts! { AgentId ExecutorId FrameworkId OfferId TaskId Role }

impl Value for Arc<str> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl<T: Value + ToOwned + ?Sized> Value for Cow<'_, T> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

/// Unit: seconds since the epoch.
impl Value for Time {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_secs_f64().write(out);
    }
}

impl Value for Scalar {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_f64().write(out);
    }
}

impl Value for TaskState {
    fn write(&self, out: &mut Vec<u8>) {
        self.name().write(out);
    }
}

impl Value for ExecutorKind {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            ExecutorKind::Default => "DEFAULT",
            ExecutorKind::Custom => "CUSTOM",
        }
        .write(out);
    }
}

impl Value for FrameworkCapabilities {
    fn write(&self, out: &mut Vec<u8>) {
        let names: Vec<&str> = self.iter().map(|capability| capability.name()).collect();
        List(names.iter()).write(out);
    }
}

impl Value for AgentCapabilities {
    fn write(&self, out: &mut Vec<u8>) {
        let names: Vec<&str> = self.iter().map(|capability| capability.name()).collect();
        List(names.iter()).write(out);
    }
}

impl Value for Label {
    fn write(&self, out: &mut Vec<u8>) {
        write_object(out, |out| {
            fields! { out; "key": self.key, "value"?: self.value }
        });
    }
}

impl Value for Labels {
    fn write(&self, out: &mut Vec<u8>) {
        List(self.0.iter()).write(out);
    }
}

/// Labels that are there at all.
pub(super) fn some(labels: &Labels) -> Option<&Labels> {
    (!labels.is_empty()).then_some(labels)
}

impl Value for FaultDomain {
    fn write(&self, out: &mut Vec<u8>) {
        let name = |name| object(move |out| write::one(out, "\"name\":", name));
        let fault_domain = object(|out| {
            fields! { out; "region": name(&self.region), "zone": name(&self.zone) }
        });
        object(|out| write::one(out, "\"fault_domain\":", &fault_domain)).write(out);
    }
}

/// Shape: name → number or text. Of two attributes with one name the last shows.
impl Value for Attributes {
    fn write(&self, out: &mut Vec<u8>) {
        let last = |index: usize, name: &str| self.0[index + 1..].iter().all(|later| *later.name != *name);
        let shown = self.0.iter().enumerate().filter(|(index, attribute)| last(*index, &attribute.name));
        Map(shown.map(|(_, attribute)| (&*attribute.name, &attribute.value))).write(out);
    }
}

impl Value for AttributeValue {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            AttributeValue::Scalar(amount) => amount.write(out),
            AttributeValue::Text(text) => text.write(out),
            other => Printed(other).write(out),
        }
    }
}

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
pub(super) fn full(bag: &Resources) -> Vec<v1::Resource> {
    resources::write(bag, Spelling::ENDPOINT)
}

/// Shape: role → its resources one by one.
pub(super) fn full_by_role(bags: &BTreeMap<Role, Resources>) -> impl Value {
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
pub(super) fn by_role(bags: &BTreeMap<Role, Resources>) -> impl Value {
    Map(bags.iter().map(|(role, bag)| (role.as_str(), bag)))
}

/// A command in its old form.
pub(super) struct Command<'a>(pub(super) Option<&'a CommandInfo>);

impl Value for Command<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let command = self.0;
        let uris = command.map_or(&[][..], |command| &command.uris);
        let arguments = command.map_or(&[][..], |command| &command.arguments);
        write_object(out, |out| {
            let shell = command.map(|command| command.shell).filter(|shell| !shell);
            let value = command.and_then(|command| command.value.as_ref());
            let environment = command.map(|command| &command.environment).filter(|all| !all.is_empty());
            fields! { out;
                "shell"?: shell,
                "value"?: value,
                "argv": List(arguments.iter()),
                "environment"?: environment.map(v1::Environment::from),
                "uris": List(uris.iter().map(|uri| object(|out| {
                    fields! { out; "value": uri.value, "executable": uri.executable }
                }))),
            }
        });
    }
}

/// A nested container names the one it lives in, and so on outwards.
impl Value for ContainerId {
    fn write(&self, out: &mut Vec<u8>) {
        let path = self.path();
        for (depth, value) in path.iter().rev().enumerate() {
            out.extend_from_slice(if depth == 0 { b"{\"value\":" } else { b",\"parent\":{\"value\":" });
            value.write(out);
        }
        out.extend(path.iter().map(|_| b'}'));
    }
}

impl Value for NetworkInfo {
    fn write(&self, out: &mut Vec<u8>) {
        let groups = (!self.groups.is_empty()).then(|| List(self.groups.iter()));
        let addresses = (!self.ip_addresses.is_empty())
            .then(|| List(self.ip_addresses.iter().map(v1::network_info::IpAddress::from)));
        let spelled = (!self.port_mappings.is_empty()).then(|| v1::NetworkInfo::from(self).port_mappings);
        write_object(out, |out| {
            fields! { out;
                "groups"?: groups,
                "labels"?: some(&self.labels),
                "ip_addresses"?: addresses,
                "name"?: self.name,
                "port_mappings"?: spelled.as_ref().map(|mappings| List(mappings.iter())),
            }
        });
    }
}

pub(super) fn drain_config(config: &DrainConfig) -> v1::DrainConfig {
    let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    v1::DrainConfig {
        max_grace_period: config
            .max_grace_period
            .map(|period| v1::DurationInfo { nanoseconds: nanoseconds(period) }),
        mark_gone: Some(config.mark_gone),
    }
}

pub(super) fn drain_info(info: &DrainInfo) -> v1::DrainInfo {
    let state = match info.state {
        DrainState::Draining => v1::DrainState::Draining,
        DrainState::Drained => v1::DrainState::Drained,
    };
    v1::DrainInfo { state: state.into(), config: drain_config(&info.config) }
}
