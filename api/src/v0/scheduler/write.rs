//! What a master tells a scheduler's driver.
//!
//! | the event | is the message |
//! |---|---|
//! | SUBSCRIBED | `FrameworkRegistered`, or `FrameworkReregistered` |
//! | OFFERS, RESCIND | `ResourceOffers`, `RescindResourceOffer` |
//! | INVERSE_OFFERS, RESCIND_INVERSE_OFFER | `InverseOffers`, `RescindInverseOffer` |
//! | UPDATE | `StatusUpdate`, with an address if it is to be acknowledged |
//! | MESSAGE | `ExecutorToFramework` |
//! | FAILURE | `ExitedExecutor` if it names one, else `LostSlave` |
//! | ERROR | `FrameworkError` |
//! | HEARTBEAT, UPDATE_OPERATION_STATUS | nothing: drivers have no word for it |

use model::FrameworkCapabilities;
use model::event::Event;

use crate::convert::{Spelling, event};
use crate::v0::{
    ExecutorToFrameworkMessage, ExitedExecutorMessage, FrameworkErrorMessage, FrameworkRegisteredMessage,
    FrameworkReregisteredMessage, InverseOffersMessage, LostSlaveMessage, RescindInverseOfferMessage,
    RescindResourceOfferMessage, ResourceOffersMessage, StatusUpdate, StatusUpdateMessage, Told,
};
use crate::v1;

/// How a driver is made welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// It is new to its framework.
    Registered,
    /// It has been welcome before, if to another master.
    Reregistered,
}

/// Spells events for one driver.
#[derive(Debug)]
pub struct Writer {
    greeting: Greeting,
    words: Spelling,
    /// Whom a driver writes to that has something for an agent or its executors: the master, who knows whether it may.
    master: String,
    /// Known from the first event.
    framework: Option<v1::FrameworkId>,
}

impl Writer {
    /// For the driver of a framework that can do this.
    pub fn new(greeting: Greeting, master: String, capabilities: &FrameworkCapabilities) -> Writer {
        Writer { greeting, words: Spelling::for_scheduler(capabilities), master, framework: None }
    }

    /// The framework can do something else from now on.
    pub fn learn(&mut self, capabilities: &FrameworkCapabilities) {
        self.words = Spelling::for_scheduler(capabilities);
    }

    /// Spells an event, if drivers have a word for it.
    pub fn write(&mut self, told: &Event) -> Option<Told> {
        let spelled = event::write(told, self.words);
        let framework = || self.framework.clone().unwrap_or_default();
        Some(match told {
            Event::Subscribed { .. } => {
                let v1::scheduler::event::Subscribed { framework_id, master_info, .. } = spelled.subscribed?;
                let master_info = master_info.unwrap_or_default();
                self.framework = Some(framework_id.clone());
                match self.greeting {
                    Greeting::Registered => Told::new(
                        "mesos.internal.FrameworkRegisteredMessage",
                        &FrameworkRegisteredMessage { framework_id, master_info },
                    ),
                    Greeting::Reregistered => Told::new(
                        "mesos.internal.FrameworkReregisteredMessage",
                        &FrameworkReregisteredMessage { framework_id, master_info },
                    ),
                }
            }
            Event::Offers(offers) => {
                let pids = vec![self.master.clone(); offers.len()];
                let offers = spelled.offers?.offers;
                Told::new("mesos.internal.ResourceOffersMessage", &ResourceOffersMessage { offers, pids })
            }
            Event::InverseOffers(offers) => {
                let pids = vec![self.master.clone(); offers.len()];
                let inverse_offers = spelled.inverse_offers?.inverse_offers;
                Told::new(
                    "mesos.internal.InverseOffersMessage",
                    &InverseOffersMessage { inverse_offers, pids },
                )
            }
            Event::Rescind { .. } => {
                let offer_id = spelled.rescind?.offer_id;
                Told::new(
                    "mesos.internal.RescindResourceOfferMessage",
                    &RescindResourceOfferMessage { offer_id },
                )
            }
            Event::RescindInverseOffer { .. } => {
                let inverse_offer_id = spelled.rescind_inverse_offer?.inverse_offer_id;
                Told::new(
                    "mesos.internal.RescindInverseOfferMessage",
                    &RescindInverseOfferMessage { inverse_offer_id },
                )
            }
            Event::Update(_) => {
                let status = spelled.update?.status;
                // What needs no acknowledgement has no address to send it to, and a uuid of no bytes: drivers older than
                // that choice cannot do without the field.
                let acknowledged_to = status.uuid.is_some().then(|| self.master.clone());
                Told::new(
                    "mesos.internal.StatusUpdateMessage",
                    &StatusUpdateMessage { update: status_update(framework(), status), pid: acknowledged_to },
                )
            }
            Event::Message { .. } => {
                let v1::scheduler::event::Message { agent_id, executor_id, data } = spelled.message?;
                let framework_id = framework();
                Told::new(
                    "mesos.internal.ExecutorToFrameworkMessage",
                    &ExecutorToFrameworkMessage { agent_id, framework_id, executor_id, data },
                )
            }
            Event::Failure { .. } => match spelled.failure? {
                v1::scheduler::event::Failure { agent_id, executor_id: Some(executor_id), status } => {
                    let message = ExitedExecutorMessage {
                        agent_id: agent_id.unwrap_or_default(),
                        framework_id: framework(),
                        executor_id,
                        status: status.unwrap_or(-1),
                    };
                    Told::new("mesos.internal.ExitedExecutorMessage", &message)
                }
                v1::scheduler::event::Failure { agent_id, .. } => {
                    let message = LostSlaveMessage { agent_id: agent_id? };
                    Told::new("mesos.internal.LostSlaveMessage", &message)
                }
            },
            Event::Error { message } => {
                let message = message.clone();
                Told::new("mesos.internal.FrameworkErrorMessage", &FrameworkErrorMessage { message })
            }
            Event::UpdateOperationStatus(_) | Event::Heartbeat => return None,
        })
    }
}

fn status_update(framework_id: v1::FrameworkId, status: v1::TaskStatus) -> StatusUpdate {
    StatusUpdate {
        framework_id,
        executor_id: status.executor_id.clone(),
        agent_id: status.agent_id.clone(),
        timestamp: status.timestamp.unwrap_or_default(),
        uuid: Some(status.uuid.clone().unwrap_or_default()),
        latest_state: Some(status.state),
        status,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use model::{TaskState, TaskStatus};
    use prost::Message;

    use super::*;

    const MASTER: &str = "master@127.0.0.1:5050";

    fn writer(greeting: Greeting) -> Writer {
        let mut writer = Writer::new(greeting, MASTER.to_owned(), &FrameworkCapabilities::default());
        let subscribed = Event::Subscribed {
            framework_id: "f-1".into(),
            heartbeat_interval: Duration::from_secs(15),
            master: None,
        };
        let welcome = writer.write(&subscribed).unwrap();
        let expected = match greeting {
            Greeting::Registered => "mesos.internal.FrameworkRegisteredMessage",
            Greeting::Reregistered => "mesos.internal.FrameworkReregisteredMessage",
        };
        assert_eq!(welcome.name, expected);
        writer
    }

    fn told<M: Message + Default>(event: &Event, name: &str) -> M {
        let told = writer(Greeting::Registered).write(event).unwrap();
        assert_eq!(told.name, format!("mesos.internal.{name}"));
        M::decode(&told.body[..]).unwrap()
    }

    #[test]
    fn who_has_been_welcome_before_is_told_so() {
        writer(Greeting::Reregistered);
    }

    #[test]
    fn an_update_that_is_to_be_acknowledged_says_to_whom() {
        let mut status = TaskStatus::new("t".into(), TaskState::Running);
        status.agent_id = Some("a".into());
        let plain: StatusUpdateMessage =
            told(&Event::Update(Arc::new(status.clone())), "StatusUpdateMessage");
        assert_eq!((plain.pid, plain.update.uuid), (None, Some(vec![])));
        assert_eq!(plain.update.framework_id.value, "f-1");

        status.uuid = Some(model::UpdateId::from_bytes([7; 16]));
        let marked: StatusUpdateMessage = told(&Event::Update(Arc::new(status)), "StatusUpdateMessage");
        assert_eq!((marked.pid.as_deref(), marked.update.uuid), (Some(MASTER), Some(vec![7; 16])));
        assert_eq!(marked.update.status.state(), v1::TaskState::TaskRunning);
    }

    #[test]
    fn a_failure_is_of_an_executor_or_of_an_agent() {
        let failure = |executor: Option<&str>| Event::Failure {
            agent_id: Some("a".into()),
            executor_id: executor.map(Into::into),
            status: executor.map(|_| 256),
        };
        let exited: ExitedExecutorMessage = told(&failure(Some("e")), "ExitedExecutorMessage");
        assert_eq!((exited.framework_id.value.as_str(), exited.status), ("f-1", 256));
        let lost: LostSlaveMessage = told(&failure(None), "LostSlaveMessage");
        assert_eq!(lost.agent_id.value, "a");
    }

    #[test]
    fn a_message_of_an_executor_and_an_error_are_told() {
        let message =
            Event::Message { agent_id: "a".into(), executor_id: "e".into(), data: b"hello".to_vec() };
        let message: ExecutorToFrameworkMessage = told(&message, "ExecutorToFrameworkMessage");
        assert_eq!((message.framework_id.value.as_str(), &message.data[..]), ("f-1", &b"hello"[..]));
        let error: FrameworkErrorMessage =
            told(&Event::Error { message: "no".into() }, "FrameworkErrorMessage");
        assert_eq!(error.message, "no");
    }

    #[test]
    fn a_heartbeat_is_nothing_to_a_driver() {
        assert_eq!(writer(Greeting::Registered).write(&Event::Heartbeat), None);
    }
}
