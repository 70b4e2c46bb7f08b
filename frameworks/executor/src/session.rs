//! What an executor and its agent owe each other: pure, without a clock or a socket.
//!
//! | from | on | to |
//! |---|---|---|
//! | `Connecting` | the agent answers 200 | `Subscribing` |
//! | `Connecting` | no, or another answer | `Waiting`, or the end |
//! | `Subscribing` | SUBSCRIBED | `Subscribed` |
//! | `Subscribing`, `Subscribed` | the stream breaks | `Waiting`, or the end |
//! | `Waiting` | its time has come | `Connecting` |
//!
//! An update is owed until the agent acknowledges it; a task is owed until an update of it is
//! acknowledged. Both are named when subscribing again, so that an agent that was away misses
//! nothing and forgets nothing.

use std::collections::VecDeque;
use std::time::Duration;

use indexmap::IndexMap;
use model::executor_call::ExecutorCallKind;
use model::executor_event::ExecutorEvent;
use model::{TaskId, TaskInfo, TaskStatus, Time, UpdateId};

use crate::dialogue::{Alarm, Effect, Happening, Outcome};
use crate::environment::Recovery;

/// Without a recovery time to keep to, a first subscription is tried for so long.
const FIRST_TIME: Duration = Duration::from_secs(60);
/// Between tries while nobody knows how long it will take.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// The agent is most often back soon: at first it is looked for within this, then within twice as long each time, up to what
/// it said itself.
const FIRST_TRY: Duration = Duration::from_millis(100);
/// How often the agent hears that we live.
const HEARTBEAT: Duration = Duration::from_secs(30 * 60);

/// The state of the conversation.
#[derive(Debug)]
pub(crate) struct Session {
    recovery: Option<Recovery>,
    connection: Connection,
    /// When to give up, while there is no stream.
    deadline: Option<Time>,
    was_subscribed: bool,
    /// How often the agent was looked for in vain.
    tries: u32,
    updates: IndexMap<UpdateId, Owed>,
    /// A description is large, and most executors have one task.
    tasks: IndexMap<TaskId, Box<TaskInfo>>,
    /// Calls that wait for the one under way; one at a time keeps their order.
    calls: VecDeque<Outgoing>,
    calling: Option<Outgoing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Connecting,
    Subscribing,
    Subscribed,
    Waiting,
    Over,
}

#[derive(Debug)]
struct Owed {
    status: TaskStatus,
    /// Whether the agent was told in its present life, by a call or by a subscription.
    told: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Outgoing {
    Update(UpdateId),
    Message(Vec<u8>),
    Heartbeat,
}

impl Session {
    pub(crate) fn new(recovery: Option<Recovery>) -> Session {
        Session {
            recovery,
            connection: Connection::Waiting,
            deadline: None,
            was_subscribed: false,
            tries: 0,
            updates: IndexMap::new(),
            tasks: IndexMap::new(),
            calls: VecDeque::new(),
            calling: None,
        }
    }

    /// Everything that can happen, and the rule that answers it.
    pub(crate) fn decide(&mut self, happening: Happening, now: Time) -> Vec<Effect> {
        if self.connection == Connection::Over {
            return Vec::new();
        }
        match happening {
            Happening::Started => {
                self.deadline = Some(now + FIRST_TIME);
                self.connect()
            }
            Happening::Accepted => {
                self.connection = Connection::Subscribing;
                Vec::new()
            }
            Happening::Refused { why, for_good } if for_good && self.recovery.is_none() => self.give_up(why),
            Happening::Refused { why, .. } => self.wait(why, now),
            Happening::Lost { why } => self.lost(why, now),
            Happening::Event(event) => self.event(event),
            Happening::Update(status) => self.update(*status),
            Happening::Message(data) => self.queue(Outgoing::Message(data)),
            Happening::Called(outcome) => self.called(outcome),
            Happening::Woke(Alarm::Connect) if self.connection == Connection::Waiting => self.connect(),
            Happening::Woke(Alarm::Connect) => Vec::new(),
            Happening::Woke(Alarm::CallAgain) => self.next_call(),
            Happening::Woke(Alarm::Heartbeat) => {
                let mut effects = vec![heartbeat()];
                if self.connection == Connection::Subscribed {
                    effects.extend(self.queue(Outgoing::Heartbeat));
                }
                effects
            }
        }
    }

    /// Whether it was given up.
    pub(crate) fn is_over(&self) -> bool {
        self.connection == Connection::Over
    }

    fn connect(&mut self) -> Vec<Effect> {
        self.connection = Connection::Connecting;
        let unacknowledged_updates = self
            .updates
            .values_mut()
            .map(|owed| {
                owed.told = true;
                owed.status.clone()
            })
            .collect();
        self.calls.retain(|call| !matches!(call, Outgoing::Update(_)));
        let unacknowledged_tasks = self.tasks.values().map(|task| (**task).clone()).collect();
        vec![Effect::Subscribe(ExecutorCallKind::Subscribe { unacknowledged_tasks, unacknowledged_updates })]
    }

    /// Tries again, until that has lasted too long.
    fn wait(&mut self, why: String, now: Time) -> Vec<Effect> {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return self.give_up(why);
        }
        self.connection = Connection::Waiting;
        let (delay, at_random) = match self.recovery {
            Some(recovery) => {
                let within = FIRST_TRY.saturating_mul(2_u32.saturating_pow(self.tries));
                self.tries = self.tries.saturating_add(1);
                (within.min(recovery.backoff_max), true)
            }
            None => (TRY_AGAIN, false),
        };
        vec![Effect::Alarm { delay, at_random, alarm: Alarm::Connect }]
    }

    fn lost(&mut self, why: String, now: Time) -> Vec<Effect> {
        if !matches!(self.connection, Connection::Subscribing | Connection::Subscribed) {
            return Vec::new();
        }
        let Some(recovery) = self.recovery else {
            return self.give_up(why);
        };
        let mut effects = vec![Effect::Disconnect];
        if self.connection == Connection::Subscribed {
            self.deadline = Some(now + recovery.timeout);
            effects.push(Effect::Disconnected);
        }
        effects.extend(self.wait(why, now));
        effects
    }

    fn give_up(&mut self, why: String) -> Vec<Effect> {
        self.connection = Connection::Over;
        vec![Effect::Disconnect, Effect::GiveUp { why }]
    }

    fn event(&mut self, event: ExecutorEvent) -> Vec<Effect> {
        match &event {
            ExecutorEvent::Subscribed { .. } => {
                self.connection = Connection::Subscribed;
                self.deadline = None;
                self.tries = 0;
                let mut effects = Vec::new();
                if !std::mem::replace(&mut self.was_subscribed, true) {
                    effects.push(heartbeat());
                }
                effects.push(Effect::Deliver(event));
                // What was reported after SUBSCRIBE had left is not known to the agent.
                let untold = self.updates.iter().filter(|(_, owed)| !owed.told).map(|(uuid, _)| *uuid);
                let untold: Vec<_> = untold.map(Outgoing::Update).collect();
                self.calls.retain(|call| !matches!(call, Outgoing::Update(_)));
                for (place, call) in untold.into_iter().enumerate() {
                    self.calls.insert(place, call);
                }
                effects.extend(self.next_call());
                effects
            }
            ExecutorEvent::Launch(task) => {
                self.tasks.insert(task.id.clone(), task.clone());
                vec![Effect::Deliver(event)]
            }
            ExecutorEvent::LaunchGroup(tasks) => {
                self.tasks.extend(tasks.iter().map(|task| (task.id.clone(), Box::new(task.clone()))));
                vec![Effect::Deliver(event)]
            }
            ExecutorEvent::Acknowledged { task_id, uuid } => {
                self.tasks.shift_remove(task_id);
                let owed = self.updates.shift_remove(uuid);
                // Most executors never have anything to say again, and there are very many of them.
                if self.updates.is_empty() {
                    self.updates.shrink_to_fit();
                    self.tasks.shrink_to_fit();
                    self.calls.shrink_to_fit();
                }
                owed.map(|owed| Effect::Acknowledged(owed.status)).into_iter().collect()
            }
            ExecutorEvent::Heartbeat => Vec::new(),
            ExecutorEvent::Kill { .. }
            | ExecutorEvent::Message { .. }
            | ExecutorEvent::Error { .. }
            | ExecutorEvent::Shutdown => vec![Effect::Deliver(event)],
        }
    }

    fn update(&mut self, status: TaskStatus) -> Vec<Effect> {
        let uuid = status.uuid.expect("the driver gives every update a uuid");
        self.updates.insert(uuid, Owed { status, told: false });
        self.queue(Outgoing::Update(uuid))
    }

    fn queue(&mut self, call: Outgoing) -> Vec<Effect> {
        self.calls.push_back(call);
        self.next_call()
    }

    fn next_call(&mut self) -> Vec<Effect> {
        while self.connection == Connection::Subscribed && self.calling.is_none() {
            let Some(call) = self.calls.pop_front() else {
                break;
            };
            let kind = match &call {
                Outgoing::Update(uuid) => match self.updates.get_mut(uuid) {
                    None => continue, // acknowledged meanwhile, through a subscription
                    Some(owed) => {
                        owed.told = true;
                        ExecutorCallKind::Update(owed.status.clone())
                    }
                },
                Outgoing::Message(data) => ExecutorCallKind::Message { data: data.clone() },
                Outgoing::Heartbeat => ExecutorCallKind::Heartbeat,
            };
            self.calling = Some(call);
            return vec![Effect::Call(kind)];
        }
        Vec::new()
    }

    fn called(&mut self, outcome: Outcome) -> Vec<Effect> {
        let Some(call) = self.calling.take() else {
            return Vec::new();
        };
        match outcome {
            Outcome::Heard => self.next_call(),
            Outcome::Rejected(why) => {
                tracing::warn!(%why, "the agent rejected a call");
                self.next_call()
            }
            Outcome::Failed(why) => {
                tracing::debug!(%why, "a call did not reach the agent");
                if let Outgoing::Update(uuid) = &call
                    && let Some(owed) = self.updates.get_mut(uuid)
                {
                    owed.told = false;
                }
                self.calls.push_front(call);
                vec![Effect::Alarm { delay: TRY_AGAIN, at_random: false, alarm: Alarm::CallAgain }]
            }
        }
    }
}

fn heartbeat() -> Effect {
    Effect::Alarm { delay: HEARTBEAT, at_random: false, alarm: Alarm::Heartbeat }
}

#[cfg(test)]
mod tests {
    use model::{AgentId, AgentInfo, Attributes, ExecutorInfo, FrameworkInfo, Resources, TaskState};

    use super::*;

    const RECOVERY: Recovery =
        Recovery { timeout: Duration::from_secs(900), backoff_max: Duration::from_secs(2) };

    fn subscribed() -> Happening {
        Happening::Event(ExecutorEvent::Subscribed {
            executor: Box::new(ExecutorInfo::new("e")),
            framework: Box::new(FrameworkInfo::new("user", "name")),
            agent: Box::new(AgentInfo {
                id: None,
                hostname: "host".to_owned(),
                port: 5051,
                resources: Resources::new(),
                attributes: Attributes::default(),
                domain: None,
            }),
            container_id: None,
        })
    }

    /// A session whose agent has answered.
    fn open(recovery: Option<Recovery>) -> Session {
        let mut session = Session::new(recovery);
        session.decide(Happening::Started, Time::START);
        session.decide(Happening::Accepted, Time::START);
        session.decide(subscribed(), Time::START);
        session
    }

    fn status(number: u8) -> TaskStatus {
        let mut status = TaskStatus::new(TaskId::from("t"), TaskState::Running);
        status.uuid = Some(UpdateId::from_bytes([number; 16]));
        status
    }

    fn launch(session: &mut Session) {
        let task = TaskInfo::new("t", AgentId::from("a"), Resources::new());
        session.decide(Happening::Event(ExecutorEvent::Launch(Box::new(task))), Time::START);
    }

    fn acknowledge(session: &mut Session, number: u8) -> Vec<Effect> {
        let uuid = UpdateId::from_bytes([number; 16]);
        let event = ExecutorEvent::Acknowledged { task_id: TaskId::from("t"), uuid };
        session.decide(Happening::Event(event), Time::START)
    }

    #[test]
    fn calls_go_one_at_a_time_and_in_order() {
        let mut session = open(None);
        let first = session.decide(Happening::Update(status(1).into()), Time::START);
        assert_eq!(first, [Effect::Call(ExecutorCallKind::Update(status(1)))]);
        assert!(session.decide(Happening::Update(status(2).into()), Time::START).is_empty());
        assert!(session.decide(Happening::Message(vec![7]), Time::START).is_empty());
        let second = session.decide(Happening::Called(Outcome::Heard), Time::START);
        assert_eq!(second, [Effect::Call(ExecutorCallKind::Update(status(2)))]);
        let third = session.decide(Happening::Called(Outcome::Heard), Time::START);
        assert_eq!(third, [Effect::Call(ExecutorCallKind::Message { data: vec![7] })]);
    }

    #[test]
    fn what_the_agent_has_not_acknowledged_is_named_when_subscribing_again() {
        let mut session = open(Some(RECOVERY));
        launch(&mut session);
        session.decide(Happening::Update(status(1).into()), Time::START);
        session.decide(Happening::Called(Outcome::Heard), Time::START);
        session.decide(Happening::Update(status(2).into()), Time::START);
        let effects = session.decide(Happening::Lost { why: "gone".into() }, Time::START);
        assert_eq!(effects[..2], [Effect::Disconnect, Effect::Disconnected]);
        session.decide(Happening::Called(Outcome::Failed("gone".into())), Time::START);

        let effects = session.decide(Happening::Woke(Alarm::Connect), Time::START);
        let [Effect::Subscribe(ExecutorCallKind::Subscribe { unacknowledged_tasks, unacknowledged_updates })] =
            &effects[..]
        else {
            panic!("{effects:?}")
        };
        assert_eq!(unacknowledged_tasks.len(), 1);
        assert_eq!(unacknowledged_updates[..], [status(1), status(2)]);
        session.decide(Happening::Accepted, Time::START);
        let effects = session.decide(subscribed(), Time::START);
        assert!(matches!(effects[..], [Effect::Deliver(_)]), "nothing is told twice: {effects:?}");
    }

    #[test]
    fn an_update_made_while_subscribing_follows_as_a_call() {
        let mut session = open(Some(RECOVERY));
        session.decide(Happening::Lost { why: "gone".into() }, Time::START);
        session.decide(Happening::Woke(Alarm::Connect), Time::START);
        assert!(session.decide(Happening::Update(status(1).into()), Time::START).is_empty());
        session.decide(Happening::Accepted, Time::START);
        let effects = session.decide(subscribed(), Time::START);
        assert_eq!(effects[1], Effect::Call(ExecutorCallKind::Update(status(1))));
    }

    #[test]
    fn an_acknowledgement_settles_the_update_and_its_task() {
        let mut session = open(Some(RECOVERY));
        launch(&mut session);
        session.decide(Happening::Update(status(1).into()), Time::START);
        assert_eq!(acknowledge(&mut session, 1), [Effect::Acknowledged(status(1))]);
        assert_eq!(acknowledge(&mut session, 1), []);
        assert_eq!((session.updates.len(), session.tasks.len()), (0, 0));
    }

    #[test]
    fn a_call_that_failed_is_made_again_before_the_others() {
        let mut session = open(None);
        session.decide(Happening::Update(status(1).into()), Time::START);
        session.decide(Happening::Update(status(2).into()), Time::START);
        session.decide(Happening::Called(Outcome::Failed("503".into())), Time::START);
        let effects = session.decide(Happening::Woke(Alarm::CallAgain), Time::START);
        assert_eq!(effects, [Effect::Call(ExecutorCallKind::Update(status(1)))]);
    }

    #[test]
    fn an_executor_without_recovery_ends_with_its_agent() {
        let mut session = open(None);
        let effects = session.decide(Happening::Lost { why: "gone".into() }, Time::START);
        assert_eq!(effects, [Effect::Disconnect, Effect::GiveUp { why: "gone".into() }]);
    }

    #[test]
    fn an_executor_with_recovery_gives_up_after_its_time() {
        let mut session = open(Some(RECOVERY));
        session.decide(Happening::Lost { why: "gone".into() }, Time::START);
        let refused = || Happening::Refused { why: "connection refused".into(), for_good: false };
        for within in [200, 400, 800, 1600, 2000] {
            session.decide(Happening::Woke(Alarm::Connect), Time::START);
            let delay = Duration::from_millis(within);
            let again = Effect::Alarm { delay, at_random: true, alarm: Alarm::Connect };
            assert_eq!(session.decide(refused(), Time::START), [again]);
        }
        let just_before = Time::START + Duration::from_secs(899);
        session.decide(Happening::Woke(Alarm::Connect), just_before);
        let effects = session.decide(refused(), just_before);
        let again = Effect::Alarm { delay: RECOVERY.backoff_max, at_random: true, alarm: Alarm::Connect };
        assert_eq!(effects, [again]);
        session.decide(Happening::Woke(Alarm::Connect), just_before);
        let effects = session.decide(refused(), Time::START + RECOVERY.timeout);
        assert!(matches!(effects[..], [Effect::Disconnect, Effect::GiveUp { .. }]));
    }
}
