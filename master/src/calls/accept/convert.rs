//! RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME, SHRINK_VOLUME, CREATE_DISK, DESTROY_DISK: resources become others.

use model::messages::ApplyOperation;
use model::{
    AgentCapability, Conversion, OfferId, Operation, OperationId, OperationState, OperationStatus, Resources,
};

use super::operations::Accepting;
use crate::authorization;
use crate::effects::Effect;
use crate::offers;
use crate::operations::validate::{self, Who};

/// Converts what is left, if that may be, and has the agent do the same. What comes of it may be used by the operations
/// after it, unless only the agent can say that it comes.
///
/// Source: scheduler semantics §4.
pub(super) fn convert(accepting: &mut Accepting<'_>, id: Option<OperationId>, conversion: Conversion) {
    let conversion = conversion.allocate_missing(&accepting.role);
    match accepting.judge(id.as_ref(), &conversion) {
        Ok((goes, comes)) => accepting.convert(id, conversion, goes, comes),
        Err(message) => accepting.refuse_operation(conversion.name(), id, message),
    }
}

impl Accepting<'_> {
    /// What goes and what comes.
    ///
    /// Errors: the fault, in words for the framework.
    fn judge(
        &self,
        id: Option<&OperationId>,
        conversion: &Conversion,
    ) -> Result<(Resources, Resources), String> {
        let view = self.view();
        let goes = conversion.takes().unwrap_or_default();
        let tells = match goes.iter().any(|resource| resource.provider_id.is_some()) {
            true => AgentCapability::ResourceProvider,
            false => AgentCapability::AgentOperationFeedback,
        };
        if id.is_some() && !view.agent.capabilities.has(tells) {
            return Err("The agent does not tell how operations went".to_owned());
        }
        authorization::allow(&self.rights, authorization::of_conversion(conversion))
            .map_err(|why| why.to_string())?;
        let who = Who::Framework(&view.framework.info, &self.role);
        validate::conversion(who, view.agent, conversion)?;
        // Only its provider knows what comes of a disk; nobody counts on that before it says so.
        let (goes, comes) = conversion.outcome(&Resources::new()).map_err(|why| why.to_string())?;
        self.left.replace(&goes, Resources::new()).map_err(|why| why.to_string())?;
        Ok((goes, comes))
    }

    /// Books it and sends it on its way.
    fn convert(
        &mut self,
        id: Option<OperationId>,
        conversion: Conversion,
        goes: Resources,
        comes: Resources,
    ) {
        if let Conversion::Destroy { volumes } = &conversion {
            self.rescind_holding(volumes);
        }
        self.left -= &goes;
        if conversion.is_speculative() {
            self.state.convert(&self.agent, &goes, &comes);
            self.left += &comes;
            self.effects.push(Effect::convert(&self.framework, &self.agent, goes, comes));
        }
        let uuid = self.state.next_operation();
        let status = OperationStatus {
            agent_id: Some(self.agent.clone()),
            ..OperationStatus::new(id.clone(), OperationState::Pending)
        };
        let operation = Operation {
            framework_id: Some(self.framework.clone()),
            agent_id: Some(self.agent.clone()),
            id: id.clone(),
            conversion: conversion.clone(),
            latest_status: status,
            statuses: Vec::new(),
            uuid,
        };
        self.state.add_operation(&self.agent, operation);
        let message = ApplyOperation {
            epoch: self.state.epoch(),
            framework_id: Some(self.framework.clone()),
            operation_id: id,
            conversion,
            uuid,
        };
        let agent = self.state.agent(&self.agent).expect("its offers were taken from it");
        self.effects.send(agent, message);
    }

    /// Others may hold offers of a shared volume that is about to be destroyed.
    fn rescind_holding(&mut self, volumes: &Resources) {
        let volumes = volumes.unallocate();
        let Some(agent) = self.state.agent(&self.agent) else { return };
        let holds = |id: &&OfferId| {
            let offer = self.state.world.offers.get(*id).expect("an agent's offer is out");
            let plain = offer.resources.unallocate();
            volumes.iter().any(|volume| plain.contains_one(volume))
        };
        let holding: Vec<OfferId> = agent.offers.iter().filter(holds).cloned().collect();
        for offer in holding {
            self.effects.extend(offers::rescind(self.state, &offer));
        }
    }
}

#[cfg(test)]
mod tests {
    use model::messages::UpdateOperation;
    use model::{
        AgentId, Conversion, FrameworkId, FrameworkInfo, OfferId, OfferOperation, OperationKind,
        OperationState, Resources, Scalar,
    };

    use crate::messages::Input;
    use crate::testing::{Stage, bag, events, task, to_agents, to_allocator, upid, volume};

    const RESERVED: &str = "disk(allocated: web)(reservations: [(DYNAMIC,web)])";

    fn step(id: &str, conversion: Conversion) -> OfferOperation {
        let id = (!id.is_empty()).then(|| id.into());
        OfferOperation { id, kind: OperationKind::Convert(conversion) }
    }

    fn reserve(size: i64) -> Conversion {
        Conversion::Reserve { source: Resources::new(), resources: bag(&format!("{RESERVED}:{size}")) }
    }

    fn create(size: i64) -> Conversion {
        Conversion::Create { volumes: volume("v", size) }
    }

    fn staged() -> (Stage, AgentId, FrameworkId, OfferId) {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4;disk:100"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:4;disk:100");
        (stage, agent, framework, offer)
    }

    /// The agent says how its operations went, in the order in which they were asked for.
    fn told(stage: &mut Stage, agent: &AgentId, into: OperationState) -> Vec<String> {
        let known: Vec<_> = stage.state.agent(agent).unwrap().operations.values().cloned().collect();
        let mut lines = Vec::new();
        for operation in known {
            let mut status = operation.latest_status.clone();
            (status.state, status.uuid) = (into, Some(operation.uuid));
            let body =
                UpdateOperation { agent_id: agent.clone(), operation: operation.uuid, status, instead: None };
            let effects = stage.tell(Input::UpdateOperation { from: upid(1), body: Box::new(body) });
            lines.extend(effects.iter().map(|effect| effect.to_string()));
        }
        lines
    }

    #[test]
    fn a_task_uses_the_volume_that_was_made_in_the_same_call() {
        let (mut stage, agent, framework, offer) = staged();
        let mut with = task("t", &agent, "cpus:1");
        with.resources += volume("v", 64);
        let launch = OfferOperation { id: None, kind: OperationKind::Launch(vec![Ok(with)]) };
        let steps = vec![step("o-reserve", reserve(64)), step("o-create", create(64)), launch];

        let effects = stage.accept(&framework, &offer, steps);

        assert_eq!(
            to_agents(&effects).iter().map(|line| line.split(" <- ").nth(1).unwrap()).collect::<Vec<_>>(),
            ["apply RESERVE", "apply CREATE", "run task t in a new executor"]
        );
        let last = to_allocator(&effects).pop().unwrap();
        assert_eq!(
            last,
            "recover cpus(allocated: web):3; disk(allocated: web):36 on m-S0 from m-0000, refused 5s"
        );
        let on = stage.state.agent(&agent).unwrap();
        assert_eq!(on.total, bag("cpus:4;disk:36") + volume("v", 64).unallocate());
        assert_eq!(
            told(&mut stage, &agent, OperationState::Finished),
            [
                "s1 <- UPDATE_OPERATION_STATUS o-reserve OPERATION_FINISHED",
                "s1 <- UPDATE_OPERATION_STATUS o-create OPERATION_FINISHED"
            ]
        );
    }

    #[test]
    fn what_was_made_and_not_used_comes_back_without_a_filter() {
        let (mut stage, _, framework, offer) = staged();
        let effects = stage.accept(&framework, &offer, vec![step("", reserve(64))]);
        assert_eq!(
            to_allocator(&effects)[1..],
            [
                format!("recover {RESERVED}:64 on m-S0 from m-0000"),
                "recover cpus(allocated: web):4; disk(allocated: web):36 on m-S0 from m-0000, refused 5s"
                    .into()
            ]
        );
    }

    #[test]
    fn a_conversion_that_may_not_be_is_skipped_and_changes_nothing() {
        let (mut stage, agent, framework, offer) = staged();
        let before = stage.state.agent(&agent).unwrap().total.clone();
        let bag_of = |text: &str| bag(text).allocate(&"web".into());
        let cases = [
            (
                reserve(640),
                "cpus(allocated: web):4; disk(allocated: web):100 does not contain disk(allocated: web):640",
            ),
            (
                Conversion::Reserve { source: Resources::new(), resources: bag_of("disk:1") },
                "Resource disk(allocated: web):1 is not dynamically reserved",
            ),
            (
                Conversion::Reserve { source: bag_of("disk:1"), resources: bag(&format!("{RESERVED}:1")) },
                "'source' of a reserve operation is for operators",
            ),
            (
                Conversion::Reserve {
                    source: Resources::new(),
                    resources: bag_of("disk(reservations: [(DYNAMIC,other)]):1"),
                },
                "A reserve operation was attempted for role 'other', to which the framework is not subscribed",
            ),
            (
                Conversion::Unreserve { resources: bag_of("disk:1") },
                "Resource disk(allocated: web):1 is not dynamically reserved",
            ),
            (create(64), "does not contain"),
            (Conversion::Create { volumes: bag_of("disk:1") }, "is not a persistent volume"),
            (Conversion::Destroy { volumes: volume("v", 64) }, "does not exist on the agent"),
            (Conversion::Unreserve { resources: Resources::new() }, "No resources are named"),
            (
                Conversion::Create {
                    volumes: volume("v", 64).map(|volume| {
                        let mut disk = model::Disk::clone(volume.disk.as_ref().unwrap());
                        disk.volume.as_mut().unwrap().container_path = "../out".into();
                        volume.disk = Some(disk.into());
                    }),
                },
                "which is not inside a sandbox",
            ),
            (
                Conversion::Create { volumes: volume("v", 64).map(|volume| volume.shared = true) },
                "A framework without SHARED_RESOURCES",
            ),
            (
                Conversion::CreateDisk {
                    source: bag_of("disk:1").iter().next().unwrap().clone(),
                    target: model::DiskKind::Mount,
                    profile: None,
                },
                "is not of a resource provider",
            ),
        ];
        let steps = cases.iter().map(|(conversion, _)| step("o", conversion.clone())).collect();

        let effects = stage.accept(&framework, &offer, steps);

        for (said, (conversion, why)) in events(&effects).iter().zip(&cases) {
            assert!(
                said.contains("o OPERATION_ERROR") && said.contains(why),
                "{}: {said}",
                conversion.name()
            );
        }
        assert_eq!(events(&effects).len(), cases.len());
        assert!(to_agents(&effects).is_empty());
        let on = stage.state.agent(&agent).unwrap();
        assert_eq!((&on.total, &on.free), (&before, &before));
    }

    #[test]
    fn a_framework_with_a_principal_reserves_under_that_name_alone() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "disk:100");
        let framework = stage
            .framework_as(FrameworkInfo { principal: Some("me".into()), ..FrameworkInfo::new("f", "u") });
        let offer = stage.offer(&framework, &agent, "disk:100");
        let mine = bag("disk(allocated: web)(reservations: [(DYNAMIC,web,me)]):1");
        let mine = Conversion::Reserve { source: Resources::new(), resources: mine };
        let effects = stage.accept(&framework, &offer, vec![step("none", reserve(1)), step("mine", mine)]);
        assert_eq!(events(&effects).len(), 1);
        assert!(
            events(&effects)[0].contains("by principal 'me', but a reservation in it names no principal")
        );
        assert_eq!(to_agents(&effects).len(), 1);
    }

    #[test]
    fn a_volume_that_grows_is_nobodys_until_its_agent_has_grown_it() {
        let (mut stage, agent, framework, offer) = staged();
        let steps = vec![step("", reserve(72)), step("", create(64))];
        stage.accept(&framework, &offer, steps);
        assert_eq!(
            told(&mut stage, &agent, OperationState::Finished).len(),
            2,
            "both are acknowledged at once"
        );
        let offer = stage.offer_all(&framework, &agent);
        let one = |bag: Resources| bag.iter().next().unwrap().clone();
        let addition = one(bag(&format!("{RESERVED}:8")));
        let grow = Conversion::GrowVolume { volume: one(volume("v", 64)), addition };
        let shrink = Conversion::ShrinkVolume { volume: one(volume("v", 64)), subtract: Scalar::whole(8) };

        let effects = stage.accept(&framework, &offer, vec![step("g", grow), step("s", shrink)]);

        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- apply GROW_VOLUME"]);
        assert!(events(&effects)[0].contains("s OPERATION_ERROR"), "what grows cannot shrink");
        let used = stage.state.agent(&agent).unwrap().used_total.clone();
        assert_eq!(used.disk(), Scalar::whole(72), "it is held while it grows");

        let said = told(&mut stage, &agent, OperationState::Finished);

        assert!(said[0].contains("convert") && said[1].contains("recover"), "{said:?}");
        assert!(said[2].contains("g OPERATION_FINISHED"), "{said:?}");
        let on = stage.state.agent(&agent).unwrap();
        assert!(on.total.contains(&volume("v", 72).unallocate()));
        assert!(on.used_total.is_empty());
    }

    #[test]
    fn what_an_agent_drops_was_never_there() {
        let (mut stage, agent, framework, offer) = staged();
        let before = stage.state.agent(&agent).unwrap().total.clone();
        stage.accept(&framework, &offer, vec![step("o", reserve(64))]);
        let said = told(&mut stage, &agent, OperationState::Dropped).join("\n");
        assert!(said.contains("update agent m-S0 to cpus:4; disk:100"), "{said}");
        assert!(said.contains("o OPERATION_DROPPED"), "{said}");
        assert_eq!(stage.state.agent(&agent).unwrap().total, before);
    }

    #[test]
    fn a_destroyed_volume_is_disk_again_and_no_task_may_be_in_it() {
        let (mut stage, agent, framework, offer) = staged();
        let mut with = task("t", &agent, "cpus:1");
        with.resources += volume("v", 64);
        let launch = OfferOperation { id: None, kind: OperationKind::Launch(vec![Ok(with)]) };
        let destroy = Conversion::Destroy { volumes: volume("v", 64) };
        let steps = vec![step("", reserve(64)), step("", create(64)), launch, step("d", destroy.clone())];
        let effects = stage.accept(&framework, &offer, steps);
        assert!(
            events(&effects)[0].contains("d OPERATION_ERROR") && events(&effects)[0].contains("is in use")
        );

        stage.update(&framework, &agent, "t", model::TaskState::Finished);
        let offer = stage.offer_all(&framework, &agent);
        let unreserve = Conversion::Unreserve { resources: bag(&format!("{RESERVED}:64")) };
        stage.accept(&framework, &offer, vec![step("", destroy), step("", unreserve)]);
        assert_eq!(stage.state.agent(&agent).unwrap().total, bag("cpus:4;disk:100"));
    }

    #[test]
    fn two_tasks_share_a_volume_and_the_allocator_counts_both() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "cpus:4;disk:100");
        let mut info = FrameworkInfo::new("f", "u");
        info.capabilities = [
            model::FrameworkCapability::MultiRole,
            model::FrameworkCapability::PartitionAware,
            model::FrameworkCapability::SharedResources,
        ]
        .into_iter()
        .collect();
        let framework = stage.framework_as(info);
        let offer = stage.offer(&framework, &agent, "cpus:4;disk:100");
        let shared = volume("v", 64).map(|volume| volume.shared = true);
        let with = |id: &str| {
            let mut task = task(id, &agent, "cpus:1");
            task.resources += shared.clone();
            Ok(task)
        };
        let launch = OfferOperation { id: None, kind: OperationKind::Launch(vec![with("a"), with("b")]) };
        let steps =
            vec![step("", reserve(64)), step("", Conversion::Create { volumes: shared.clone() }), launch];

        let effects = stage.accept(&framework, &offer, steps);

        assert!(events(&effects).is_empty(), "{:?}", events(&effects));
        let lines = to_allocator(&effects);
        assert!(lines.iter().any(|line| line.starts_with("convert  into disk")), "{lines:?}");
        assert!(stage.state.agent(&agent).unwrap().free.contains(&shared.unallocate()));
    }
}
