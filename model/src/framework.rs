//! Frameworks: who asks for resources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use libprocess_wire::{self as wire, brief};

use crate::{FrameworkId, Labels, Quantities, Role};

/// What a framework says of itself.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameworkInfo {
    pub user: String,
    pub name: String,
    /// Absent until the master gave one.
    pub id: Option<FrameworkId>,
    /// How long its tasks outlive its connection.
    pub failover_timeout: Duration,
    pub checkpoint: bool,
    /// The role of a framework without [`FrameworkCapability::MultiRole`]; `*` if absent.
    pub role: Option<Role>,
    /// The roles of a framework with it.
    pub roles: Vec<Role>,
    pub hostname: Option<String>,
    pub principal: Option<String>,
    pub webui_url: Option<String>,
    pub capabilities: FrameworkCapabilities,
    pub labels: Labels,
    /// Shape: role → what it wants at least.
    pub offer_filters: BTreeMap<Role, OfferFilter>,
}

/// What must be in an offer of a role at least to be worth sending.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferFilter {
    /// An offer must hold one of these; an empty list takes anything, `None` what the master says.
    pub min_allocatable: Option<Vec<Quantities>>,
}

/// Something a framework knows how to live with.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameworkCapability {
    RevocableResources,
    TaskKillingState,
    GpuResources,
    SharedResources,
    PartitionAware,
    MultiRole,
    ReservationRefinement,
    RegionAware,
}

impl FrameworkCapability {
    pub const ALL: [FrameworkCapability; 8] = [
        FrameworkCapability::RevocableResources,
        FrameworkCapability::TaskKillingState,
        FrameworkCapability::GpuResources,
        FrameworkCapability::SharedResources,
        FrameworkCapability::PartitionAware,
        FrameworkCapability::MultiRole,
        FrameworkCapability::ReservationRefinement,
        FrameworkCapability::RegionAware,
    ];

    /// The public name.
    pub const fn name(self) -> &'static str {
        match self {
            FrameworkCapability::RevocableResources => "REVOCABLE_RESOURCES",
            FrameworkCapability::TaskKillingState => "TASK_KILLING_STATE",
            FrameworkCapability::GpuResources => "GPU_RESOURCES",
            FrameworkCapability::SharedResources => "SHARED_RESOURCES",
            FrameworkCapability::PartitionAware => "PARTITION_AWARE",
            FrameworkCapability::MultiRole => "MULTI_ROLE",
            FrameworkCapability::ReservationRefinement => "RESERVATION_REFINEMENT",
            FrameworkCapability::RegionAware => "REGION_AWARE",
        }
    }
}

impl fmt::Display for FrameworkCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The capabilities of one framework, each once, in the order given: that is how they are shown again.
///
/// Names we do not know are left out when they are read.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameworkCapabilities(Vec<FrameworkCapability>);

impl FrameworkCapabilities {
    pub fn has(&self, capability: FrameworkCapability) -> bool {
        self.0.contains(&capability)
    }

    pub fn iter(&self) -> impl Iterator<Item = FrameworkCapability> + '_ {
        self.0.iter().copied()
    }

    pub fn partition_aware(&self) -> bool {
        self.has(FrameworkCapability::PartitionAware)
    }

    pub fn multi_role(&self) -> bool {
        self.has(FrameworkCapability::MultiRole)
    }

    pub fn reservation_refinement(&self) -> bool {
        self.has(FrameworkCapability::ReservationRefinement)
    }

    pub fn task_killing_state(&self) -> bool {
        self.has(FrameworkCapability::TaskKillingState)
    }

    pub fn revocable_resources(&self) -> bool {
        self.has(FrameworkCapability::RevocableResources)
    }

    pub fn shared_resources(&self) -> bool {
        self.has(FrameworkCapability::SharedResources)
    }

    pub fn gpu_resources(&self) -> bool {
        self.has(FrameworkCapability::GpuResources)
    }

    pub fn region_aware(&self) -> bool {
        self.has(FrameworkCapability::RegionAware)
    }
}

impl FromIterator<FrameworkCapability> for FrameworkCapabilities {
    fn from_iter<I: IntoIterator<Item = FrameworkCapability>>(capabilities: I) -> Self {
        let mut known = Vec::new();
        for capability in capabilities {
            if !known.contains(&capability) {
                known.push(capability);
            }
        }
        Self(known)
    }
}

/// Why a framework may not subscribe with what it says of itself. The texts are public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameworkError {
    #[error("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable")]
    RoleBesideRoles,
    #[error("'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable")]
    RolesWithoutCapability,
    #[error("'FrameworkInfo.roles' contains duplicate items: {}", brief(.0.as_str()))]
    DuplicateRole(Role),
    #[error("'FrameworkInfo.roles' contains invalid role: {0}")]
    Role(#[source] crate::RoleError),
    #[error("Framework id '{}' is invalid: {}", brief(.0.as_str()), .1)]
    Id(FrameworkId, #[source] crate::IdError),
    #[error("Framework has an offer filter for role '{}' which is not among its roles", brief(.0.as_str()))]
    FilterRole(Role),
}

impl FrameworkInfo {
    /// A framework with only what it must have, for one role.
    pub fn new(name: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            name: name.into(),
            id: None,
            failover_timeout: Duration::ZERO,
            checkpoint: false,
            role: None,
            roles: Vec::new(),
            hostname: None,
            principal: None,
            webui_url: None,
            capabilities: FrameworkCapabilities::default(),
            labels: Labels::default(),
            offer_filters: BTreeMap::new(),
        }
    }

    /// The roles it subscribes with, whichever field names them.
    pub fn subscribed_roles(&self) -> BTreeSet<Role> {
        if self.capabilities.multi_role() {
            self.roles.iter().cloned().collect()
        } else {
            BTreeSet::from([self.role.clone().unwrap_or_else(Role::any)])
        }
    }

    /// Judges all that needs no knowledge of the cluster.
    ///
    /// Source: Mesos scheduler HTTP API, `SUBSCRIBE`.
    pub fn check(&self) -> Result<(), FrameworkError> {
        if self.capabilities.multi_role() {
            if self.role.is_some() {
                return Err(FrameworkError::RoleBesideRoles);
            }
            let mut seen = BTreeSet::new();
            for role in &self.roles {
                if !seen.insert(role) {
                    return Err(FrameworkError::DuplicateRole(role.clone()));
                }
            }
        } else if !self.roles.is_empty() {
            return Err(FrameworkError::RolesWithoutCapability);
        }
        for role in self.subscribed_roles() {
            role.check().map_err(FrameworkError::Role)?;
        }
        if let Some(id) = &self.id {
            id.check().map_err(|why| FrameworkError::Id(id.clone(), why))?;
        }
        Ok(())
    }
}

/// What a framework says of itself in a way that cannot be held: answered with an ERROR event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidFramework {
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_belong_to_those_who_know_of_them() {
        let mut info = FrameworkInfo::new("f", "root");
        assert_eq!(info.subscribed_roles(), BTreeSet::from([Role::any()]));
        info.roles = vec!["a".into(), "b".into()];
        assert_eq!(info.check(), Err(FrameworkError::RolesWithoutCapability));
        info.capabilities = FrameworkCapabilities::from_iter([FrameworkCapability::MultiRole]);
        assert_eq!(info.check(), Ok(()));
        info.roles.push("a".into());
        assert_eq!(info.check(), Err(FrameworkError::DuplicateRole("a".into())));
        info.roles = vec![];
        info.role = Some("a".into());
        assert_eq!(info.check(), Err(FrameworkError::RoleBesideRoles));
    }
}
