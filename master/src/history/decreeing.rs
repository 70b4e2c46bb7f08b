//! Operators decree, and frameworks answer whether they will leave.

use model::call::{AnswerInverseOffers, Call};
use model::{DrainConfig, Filters, MachineId, Quantities, Quota, Scalar, Time, Unavailability, Window};

use super::play::History;
use crate::messages::{Asker, Input, Watching};
use crate::operator::Ask;
use crate::testing::ROLE;

impl History {
    pub(super) fn decree(&mut self, number: u16, kind: u8) {
        let agent = self.agent_id(number).unwrap_or_else(|| "nobody".into());
        let machine = || MachineId { hostname: Some(format!("agent{number}.example")), ip: None };
        let quota = |guarantee: i64, limit: i64| {
            let cpus = |amount: i64| Quantities::from_iter([("cpus", Scalar::whole(amount))]);
            Quota { role: ROLE.into(), guarantees: cpus(guarantee), limits: cpus(limit) }
        };
        let ask = match kind % 12 {
            0 => Ask::MarkGone(agent),
            1 => Ask::Drain { agent, config: DrainConfig { max_grace_period: None, mark_gone: number == 0 } },
            2 => Ask::Deactivate(agent),
            3 | 4 => Ask::Reactivate(agent),
            5 => {
                let unavailability = Unavailability { start: Time::START, duration: None };
                Ask::UpdateSchedule(vec![Window { machines: vec![machine()], unavailability }])
            }
            6 => Ask::UpdateSchedule(Vec::new()),
            7 => Ask::StartMaintenance(vec![machine()]),
            8 => Ask::StopMaintenance(vec![machine()]),
            9 => Ask::UpdateWeights(vec![(ROLE.into(), f64::from(number) + 0.5)]),
            10 => Ask::UpdateQuota { quotas: vec![quota(1, 3)], force: number == 0 },
            _ => Ask::RemoveQuota { role: ROLE.into(), what: "none".to_owned() },
        };
        self.tell(Input::Operator { ask: Box::new(ask), asker: Asker::default() });
    }

    pub(super) fn answer_inverse(&mut self, number: usize, accepted: bool) {
        let framework_id = self.framework(number);
        let inverse_offer_ids = self.stage.state.world.inverse_offers.keys().cloned().collect();
        let call = AnswerInverseOffers { framework_id, inverse_offer_ids, filters: Filters::default() };
        self.call(match accepted {
            true => Call::AcceptInverseOffers(call),
            false => Call::DeclineInverseOffers(call),
        });
    }

    pub(super) fn watch(&mut self, number: u8) {
        let stream = model::StreamId::new(format!("w{number}"));
        self.tell(match number % 2 {
            0 => Input::Watch { stream, watcher: Watching::default() },
            _ => Input::WatchClosed { stream: model::StreamId::new(format!("w{}", number - 1)) },
        });
    }
}
