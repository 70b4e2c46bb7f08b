//! How values of flags are written.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use model::{Quantities, Resources, Role, Weight, parse_duration};

use super::{FlagError, invalid};

/// Duration flags: Mesos' text form.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// The time between two agents, of `<agents>/<duration>`.
pub(super) fn pause(rate: &str) -> Result<Duration, FlagError> {
    let wrong = || {
        invalid("agent_removal_rate_limit", format!("'{rate}' is not <agents>/<duration>, as in 1/10mins"))
    };
    let (agents, per) = rate.split_once('/').ok_or_else(wrong)?;
    let agents: u32 = agents.trim().parse().ok().filter(|agents| *agents > 0).ok_or_else(wrong)?;
    let per = parse_duration(per.trim()).map_err(|_| wrong())?;
    Ok(per / agents)
}

/// `N%`, of a hundred.
pub(super) fn percent(text: &str) -> Result<u8, FlagError> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.parse().ok());
    number.filter(|number| *number <= 100).ok_or_else(|| {
        invalid("recovery_agent_removal_limit", format!("'{text}' is not a percentage from 0% to 100%"))
    })
}

/// Which part of the agents, as `0.8`.
pub(super) fn fraction(number: f64) -> Result<f64, FlagError> {
    match (0.0..=1.0).contains(&number) {
        true => Ok(number),
        false => Err(invalid("allocator_agent_recovery_factor", format!("{number} is not between 0 and 1"))),
    }
}

/// `host:port` of each master; a name stands for the first address of its family this machine knows it by.
pub(super) fn masters(text: &str) -> Result<Vec<SocketAddr>, FlagError> {
    let one = |one: String| {
        let found =
            one.to_socket_addrs().map_err(|error| invalid("masters", format!("'{one}': {error}")))?.next();
        found.ok_or_else(|| invalid("masters", format!("'{one}' has no address")))
    };
    let masters: Vec<SocketAddr> = list(text).into_iter().map(one).collect::<Result<_, _>>()?;
    let distinct: BTreeSet<&SocketAddr> = masters.iter().collect();
    match distinct.len() == masters.len() {
        true => Ok(masters),
        false => Err(invalid("masters", "one of them is named twice")),
    }
}

/// A flag whose value may be `file:///path`, which stands for what the file holds.
pub(super) fn contents(text: &str) -> Result<String, String> {
    match text.strip_prefix("file://") {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}")),
        None => Ok(text.to_owned()),
    }
}

/// What stands between commas.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

pub(super) fn roles(text: &str) -> Result<BTreeSet<Role>, FlagError> {
    let mut roles = BTreeSet::from([Role::any()]);
    for name in list(text) {
        let role = Role::from(name);
        role.check().map_err(|why| invalid("roles", why))?;
        roles.insert(role);
    }
    Ok(roles)
}

pub(super) fn weights(text: &str) -> Result<BTreeMap<Role, f64>, FlagError> {
    let one = |part: String| {
        let wrong = |why: &str| invalid("weights", format!("'{part}' {why}"));
        let (role, weight) = part.split_once('=').ok_or_else(|| wrong("is not role=weight"))?;
        let weight = weight.parse().map_err(|_| wrong("is not role=weight"))?;
        let weight =
            Weight::new(role.into(), weight).map_err(|_| wrong("weighs nothing: weights are positive"))?;
        weight.role.check().map_err(|why| invalid("weights", why))?;
        Ok((weight.role.clone(), weight.weight()))
    };
    list(text).into_iter().map(one).collect()
}

/// `cpus:0.01|mem:32`: alternatives, each a set of amounts.
pub(super) fn minimums(text: &str) -> Result<Vec<Quantities>, FlagError> {
    let one = |part: &str| {
        let amounts: Resources = part.parse().map_err(|why| invalid("min_allocatable_resources", why))?;
        match amounts.is_empty() {
            true => Err(invalid("min_allocatable_resources", format!("'{part}' is no amount"))),
            false => Ok(amounts.quantities()),
        }
    };
    text.split('|').map(str::trim).filter(|part| !part.is_empty()).map(one).collect()
}
