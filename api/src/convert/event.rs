//! What a scheduler is told, spelled for this scheduler; and read back by the driver.

use std::{sync::Arc, time::Duration};

use model::event::Event;
use model::{MasterInfo, TaskStatus};

use super::offer::{inverse_offer, offer};
use super::operation::operation_status;
use super::resources::Spelling;
use super::simple::seconds;
use super::status::status;
use super::{ConvertError, maybe};
use crate::v1;
use crate::v1::scheduler::{self, event};

/// Spells an event for a scheduler.
pub fn write(meant: &Event, spelling: Spelling) -> scheduler::Event {
    use event::Type;
    let mut spelled = scheduler::Event::default();
    let ty = match meant {
        Event::Subscribed { framework_id, heartbeat_interval, master } => {
            spelled.subscribed = Some(event::Subscribed {
                framework_id: framework_id.into(),
                heartbeat_interval_seconds: Some(heartbeat_interval.as_secs_f64()),
                master_info: master.as_ref().map(v1::MasterInfo::from),
            });
            Type::Subscribed
        }
        Event::Offers(offers) => {
            spelled.offers =
                Some(event::Offers { offers: offers.iter().map(|one| offer(one, spelling)).collect() });
            Type::Offers
        }
        Event::InverseOffers(offers) => {
            spelled.inverse_offers = Some(event::InverseOffers {
                inverse_offers: offers.iter().map(|one| inverse_offer(one, spelling)).collect(),
            });
            Type::InverseOffers
        }
        Event::Rescind { offer_id } => {
            spelled.rescind = Some(event::Rescind { offer_id: offer_id.into() });
            Type::Rescind
        }
        Event::RescindInverseOffer { inverse_offer_id } => {
            spelled.rescind_inverse_offer =
                Some(event::RescindInverseOffer { inverse_offer_id: inverse_offer_id.into() });
            Type::RescindInverseOffer
        }
        Event::Update(update) => {
            spelled.update = Some(event::Update { status: status(update, spelling) });
            Type::Update
        }
        Event::UpdateOperationStatus(update) => {
            spelled.update_operation_status =
                Some(event::UpdateOperationStatus { status: operation_status(update, spelling) });
            Type::UpdateOperationStatus
        }
        Event::Message { agent_id, executor_id, data } => {
            spelled.message = Some(event::Message {
                agent_id: agent_id.into(),
                executor_id: executor_id.into(),
                data: data.clone(),
            });
            Type::Message
        }
        Event::Failure { agent_id, executor_id, status } => {
            spelled.failure = Some(event::Failure {
                agent_id: agent_id.as_ref().map(Into::into),
                executor_id: executor_id.as_ref().map(Into::into),
                status: *status,
            });
            Type::Failure
        }
        Event::Error { message } => {
            spelled.error = Some(event::Error { message: message.clone() });
            Type::Error
        }
        Event::Heartbeat => Type::Heartbeat,
    };
    spelled.r#type = Some(ty as i32);
    spelled
}

impl From<&Event> for scheduler::Event {
    fn from(meant: &Event) -> Self {
        write(meant, Spelling::FULL)
    }
}

impl TryFrom<scheduler::Event> for Event {
    type Error = ConvertError;

    fn try_from(spelled: scheduler::Event) -> Result<Self, ConvertError> {
        use event::Type;
        let lacks = |what: &str| ConvertError::new(format!("Expecting '{what}' to be present"));
        let ty = spelled.r#type.and_then(|ty| Type::try_from(ty).ok()).unwrap_or(Type::Unknown);
        Ok(match ty {
            Type::Unknown => return Err(lacks("type")),
            Type::Subscribed => {
                let subscribed = spelled.subscribed.ok_or_else(|| lacks("subscribed"))?;
                Event::Subscribed {
                    framework_id: subscribed.framework_id.into(),
                    heartbeat_interval: subscribed
                        .heartbeat_interval_seconds
                        .map_or(Ok(Duration::ZERO), |value| seconds(value, "heartbeat_interval_seconds"))?,
                    master: maybe::<_, MasterInfo>(subscribed.master_info, "subscribed.master_info")?,
                }
            }
            Type::Offers => {
                let offers = spelled.offers.ok_or_else(|| lacks("offers"))?.offers;
                let offers = super::each(offers, "offers.offers")?;
                Event::Offers(offers.into_iter().map(Arc::new).collect())
            }
            Type::InverseOffers => {
                let offers = spelled.inverse_offers.ok_or_else(|| lacks("inverse_offers"))?.inverse_offers;
                let offers = super::each(offers, "inverse_offers.inverse_offers")?;
                Event::InverseOffers(offers.into_iter().map(Arc::new).collect())
            }
            Type::Rescind => {
                Event::Rescind { offer_id: spelled.rescind.ok_or_else(|| lacks("rescind"))?.offer_id.into() }
            }
            Type::RescindInverseOffer => {
                let rescind = spelled.rescind_inverse_offer.ok_or_else(|| lacks("rescind_inverse_offer"))?;
                Event::RescindInverseOffer { inverse_offer_id: rescind.inverse_offer_id.into() }
            }
            Type::Update => {
                let update = spelled.update.ok_or_else(|| lacks("update"))?;
                let status =
                    TaskStatus::try_from(update.status).map_err(|error| error.at("update.status"))?;
                Event::Update(Arc::new(status))
            }
            Type::UpdateOperationStatus => {
                let update =
                    spelled.update_operation_status.ok_or_else(|| lacks("update_operation_status"))?;
                Event::UpdateOperationStatus(Arc::new(
                    update
                        .status
                        .try_into()
                        .map_err(|e: ConvertError| e.at("update_operation_status.status"))?,
                ))
            }
            Type::Message => {
                let message = spelled.message.ok_or_else(|| lacks("message"))?;
                Event::Message {
                    agent_id: message.agent_id.into(),
                    executor_id: message.executor_id.into(),
                    data: message.data,
                }
            }
            Type::Failure => {
                let failure = spelled.failure.ok_or_else(|| lacks("failure"))?;
                Event::Failure {
                    agent_id: failure.agent_id.map(Into::into),
                    executor_id: failure.executor_id.map(Into::into),
                    status: failure.status,
                }
            }
            Type::Error => Event::Error { message: spelled.error.ok_or_else(|| lacks("error"))?.message },
            Type::Heartbeat => Event::Heartbeat,
        })
    }
}
