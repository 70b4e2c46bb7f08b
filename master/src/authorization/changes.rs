//! What changes need.

use model::{Conversion, DiskKind, Resource, Resources};
use security::{Action, Object};

use crate::operator::Ask;
use crate::state::Snapshot;

/// Something that has to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) action: Action,
    /// Nothing in particular, if `None`.
    pub(crate) value: Option<String>,
}

impl Need {
    fn of(action: Action, value: impl ToString) -> Need {
        Need { action, value: Some(value.to_string()) }
    }

    fn any(action: Action) -> Need {
        Need { action, value: None }
    }

    pub(crate) fn object(&self) -> Object<'_> {
        Object::maybe(self.value.as_deref())
    }
}

/// What an operator's call needs.
pub(crate) fn of_ask(ask: &Ask) -> Vec<Need> {
    match ask {
        Ask::Convert { conversion, .. } => of_conversion(conversion),
        Ask::UpdateWeights(weights) => {
            weights.iter().map(|(role, _)| Need::of(Action::UpdateWeight, role)).collect()
        }
        Ask::UpdateQuota { quotas, .. } => {
            quotas.iter().map(|quota| Need::of(Action::UpdateQuota, &quota.role)).collect()
        }
        Ask::SetQuota { role, .. } | Ask::RemoveQuota { role, .. } => {
            vec![Need::of(Action::UpdateQuota, role)]
        }
        Ask::MarkGone(_) => vec![Need::any(Action::MarkAgentGone)],
        Ask::Drain { config, .. } => {
            let gone = config.mark_gone.then(|| Need::any(Action::MarkAgentGone));
            [Need::any(Action::DrainAgent)].into_iter().chain(gone).collect()
        }
        Ask::Deactivate(_) => vec![Need::any(Action::DeactivateAgent)],
        Ask::Reactivate(_) => vec![Need::any(Action::ReactivateAgent)],
        Ask::UpdateSchedule(_) => vec![Need::any(Action::UpdateMaintenanceSchedule)],
        Ask::StartMaintenance(_) => vec![Need::any(Action::StartMaintenance)],
        Ask::StopMaintenance(_) => vec![Need::any(Action::StopMaintenance)],
    }
}

/// What ending a framework needs; the same for ending one of its tasks.
pub(crate) fn of_framework(snapshot: &Snapshot, id: &model::FrameworkId) -> Need {
    let principal = snapshot.frameworks.get(id).and_then(|framework| framework.info.principal.clone());
    Need { action: Action::TeardownFramework, value: principal }
}

/// What a conversion of resources needs, whoever asks for it.
pub(crate) fn of_conversion(conversion: &Conversion) -> Vec<Need> {
    let by_role = |action, resources: &Resources| -> Vec<Need> {
        resources.iter().map(|resource| by_role(action, resource)).collect()
    };
    match conversion {
        Conversion::Reserve { source, resources } => {
            let taken = source.iter().filter(|resource| !resource.is_unreserved()).map(unreserve);
            taken.chain(by_role(Action::ReserveResources, resources)).collect()
        }
        Conversion::Unreserve { resources } => resources.iter().map(unreserve).collect(),
        Conversion::Create { volumes } => by_role(Action::CreateVolume, volumes),
        Conversion::Destroy { volumes } => volumes.iter().map(destroy).collect(),
        Conversion::GrowVolume { volume, .. } | Conversion::ShrinkVolume { volume, .. } => {
            vec![self::by_role(Action::ResizeVolume, volume)]
        }
        Conversion::CreateDisk { source, target, .. } => {
            let action =
                if *target == DiskKind::Block { Action::CreateBlockDisk } else { Action::CreateMountDisk };
            vec![self::by_role(action, source)]
        }
        Conversion::DestroyDisk { source } => {
            let kind = source.disk.as_ref().and_then(|disk| disk.source.as_ref()).map(|source| source.kind);
            let action = match kind {
                Some(DiskKind::Block) => Action::DestroyBlockDisk,
                Some(DiskKind::Mount) => Action::DestroyMountDisk,
                _ => Action::DestroyRawDisk,
            };
            vec![self::by_role(action, source)]
        }
    }
}

fn by_role(action: Action, resource: &Resource) -> Need {
    Need { action, value: resource.reserved_to().map(ToString::to_string) }
}

fn unreserve(resource: &Resource) -> Need {
    let principal = resource.reservations.last().and_then(|reservation| reservation.principal.as_deref());
    Need { action: Action::UnreserveResources, value: principal.map(str::to_owned) }
}

fn destroy(volume: &Resource) -> Need {
    let persistence = volume.disk.as_ref().and_then(|disk| disk.persistence.as_ref());
    let creator = persistence.and_then(|persistence| persistence.principal.clone());
    Need { action: Action::DestroyVolume, value: creator.map(|creator| creator.to_string()) }
}

#[cfg(test)]
mod tests {
    use model::{AgentId, DrainConfig, Role};

    use super::*;
    use crate::testing::{bag, volume};

    fn lines(needs: &[Need]) -> Vec<String> {
        needs.iter().map(|need| format!("{} {}", need.action, need.value.as_deref().unwrap_or("-"))).collect()
    }

    #[test]
    fn each_conversion_needs_what_its_resources_say() {
        let reserved = bag("disk(reservations: [(DYNAMIC,eng,ann)]):8");
        let plain = Resources::new();
        for (conversion, expected) in [
            (
                Conversion::Reserve { source: plain, resources: reserved.clone() },
                vec!["RESERVE_RESOURCES eng"],
            ),
            (
                Conversion::Reserve {
                    source: reserved.clone(),
                    resources: bag("disk(reservations: [(DYNAMIC,ops)]):8"),
                },
                vec!["UNRESERVE_RESOURCES ann", "RESERVE_RESOURCES ops"],
            ),
            (Conversion::Unreserve { resources: reserved }, vec!["UNRESERVE_RESOURCES ann"]),
            (Conversion::Create { volumes: volume("v", 8) }, vec!["CREATE_VOLUME web"]),
            (Conversion::Destroy { volumes: volume("v", 8) }, vec!["DESTROY_VOLUME -"]),
        ] {
            assert_eq!(lines(&of_conversion(&conversion)), expected, "{}", conversion.name());
        }
    }

    #[test]
    fn operators_need_what_their_calls_do() {
        let agent = AgentId::from("a");
        let drain = |mark_gone| Ask::Drain {
            agent: agent.clone(),
            config: DrainConfig { max_grace_period: None, mark_gone },
        };
        for (ask, expected) in [
            (
                Ask::UpdateWeights(vec![(Role::from("a"), 2.0), (Role::from("b"), 1.0)]),
                vec!["UPDATE_WEIGHT a", "UPDATE_WEIGHT b"],
            ),
            (Ask::RemoveQuota { role: Role::from("a"), what: String::new() }, vec!["UPDATE_QUOTA a"]),
            (Ask::MarkGone(agent.clone()), vec!["MARK_AGENT_GONE -"]),
            (drain(false), vec!["DRAIN_AGENT -"]),
            (drain(true), vec!["DRAIN_AGENT -", "MARK_AGENT_GONE -"]),
            (Ask::StartMaintenance(Vec::new()), vec!["START_MAINTENANCE -"]),
        ] {
            assert_eq!(lines(&of_ask(&ask)), expected, "{ask:?}");
        }
    }
}
