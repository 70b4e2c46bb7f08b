//! `cgroups/net_cls`: the class that a container's packets carry.

use std::collections::BTreeMap;
use std::sync::Mutex;

use agent_cgroups::{Controller, Group, Setting};
use model::ContainerId;

use super::shares::Share;
use super::subsystem::Subsystem;
use crate::isolators::config::IsolationConfig;

/// Hands out secondary handles below one primary; the kernel wants `0xAAAABBBB`.
#[derive(Debug)]
pub(super) struct NetCls {
    /// Primary, then first and last secondary; placement alone if `None`.
    handles: Option<(u16, u16, u16)>,
    given: Mutex<BTreeMap<ContainerId, u16>>,
}

impl NetCls {
    pub(super) fn new(config: &IsolationConfig) -> Self {
        let handles = config.net_cls_primary.map(|primary| {
            let (first, last) = config.net_cls_secondary.unwrap_or((1, u16::MAX));
            (primary, first, last)
        });
        Self { handles, given: Mutex::default() }
    }

    /// The container's own, or the lowest that nobody has.
    fn take(&self, id: &ContainerId, first: u16, last: u16) -> Result<u16, String> {
        let mut given = self.given.lock().map_err(|_| "the handles are in disorder".to_owned())?;
        if let Some(handle) = given.get(id) {
            return Ok(*handle);
        }
        let taken: std::collections::BTreeSet<u16> = given.values().copied().collect();
        let free = (first..=last).find(|handle| !taken.contains(handle));
        let handle = free.ok_or_else(|| {
            format!("all secondary handles from {first:#x} to {last:#x} are taken; see --cgroups_net_cls_secondary_handles")
        })?;
        given.insert(id.clone(), handle);
        Ok(handle)
    }
}

impl Subsystem for NetCls {
    fn plan(&self, id: &ContainerId, _: &Share, _: &Group, new: bool) -> Result<Vec<Setting>, String> {
        let (Some((primary, first, last)), true) = (self.handles, new) else { return Ok(Vec::new()) };
        let class = (u32::from(primary) << 16) | u32::from(self.take(id, first, last)?);
        Ok(vec![Setting::Value {
            controller: Controller::NetCls,
            file: "net_cls.classid",
            text: class.to_string(),
        }])
    }

    fn cleanup(&self, id: &ContainerId) {
        if let Ok(mut given) = self.given.lock() {
            given.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_handed_out_once_and_come_back() {
        let config = IsolationConfig {
            net_cls_primary: Some(0x12),
            net_cls_secondary: Some((1, 2)),
            ..IsolationConfig::default()
        };
        let handles = NetCls::new(&config);
        let take = |name: &str| handles.take(&ContainerId::new(name), 1, 2);
        assert_eq!((take("a"), take("b"), take("a")), (Ok(1), Ok(2), Ok(1)));
        assert!(take("c").unwrap_err().starts_with("all secondary handles from 0x1 to 0x2"));
        handles.cleanup(&ContainerId::new("a"));
        assert_eq!(take("c"), Ok(1));
    }
}
