//! Ids, times, labels, attributes, and what a machine says of itself.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use model::{
    AgentCapabilities, AgentId, AttributeValue, Attributes, DrainConfig, DrainInfo, DrainState, ExecutorId,
    ExecutorKind, FaultDomain, FrameworkCapabilities, FrameworkId, Label, Labels, OfferId, Role, Scalar,
    TaskId, TaskState, Time,
};

use super::object::{List, Map, object, write_object};
use crate::classic::fields;
use crate::json::write::{self, Value};
use crate::v1;

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
        write::scalar(*self, out);
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
pub(in crate::classic) fn some(labels: &Labels) -> Option<&Labels> {
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

pub(in crate::classic) fn drain_config(config: &DrainConfig) -> v1::DrainConfig {
    let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    v1::DrainConfig {
        max_grace_period: config
            .max_grace_period
            .map(|period| v1::DurationInfo { nanoseconds: nanoseconds(period) }),
        mark_gone: Some(config.mark_gone),
    }
}

pub(in crate::classic) fn drain_info(info: &DrainInfo) -> v1::DrainInfo {
    let state = match info.state {
        DrainState::Draining => v1::DrainState::Draining,
        DrainState::Drained => v1::DrainState::Drained,
    };
    v1::DrainInfo { state: state.into(), config: drain_config(&info.config) }
}
