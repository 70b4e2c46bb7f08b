//! What can happen.

use proptest::prelude::*;

/// The framework whose role outranks that of the others.
pub(super) const HEAVIER: usize = 3;

/// One thing that happens. Numbers pick among what there is.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Register {
        agent: u16,
    },
    Reregister {
        agent: u16,
        keeps: u8,
        life: u8,
    },
    Unregister {
        agent: u16,
    },
    Exited {
        agent: u16,
    },
    Pong {
        agent: u16,
    },
    Subscribe {
        framework: usize,
        known: bool,
    },
    StreamClosed {
        framework: usize,
    },
    Teardown {
        framework: usize,
    },
    UpdateFramework {
        framework: usize,
        leaves: bool,
    },
    /// The allocator runs, and the master hears of it now or later.
    Allocate,
    Deliver,
    Accept {
        framework: usize,
        offers: u8,
        tasks: u8,
        cpus: u8,
        executor: bool,
    },
    /// A framework converts some of what it is offered.
    Convert {
        framework: usize,
        kind: u8,
        size: u8,
        named: bool,
    },
    /// An operator converts some of what an agent has.
    Operator {
        agent: u16,
        kind: u8,
        size: u8,
    },
    /// An agent tells of an operation it was sent, truly or not.
    Operated {
        agent: u16,
        pick: u8,
        done: bool,
    },
    /// An operator decrees something, that may make no sense.
    Decree {
        agent: u16,
        kind: u8,
    },
    AnswerInverse {
        framework: usize,
        accepted: bool,
    },
    /// A framework says what it lacks, on one agent or on any.
    Request {
        framework: usize,
        cpus: u8,
        agent: Option<u16>,
    },
    Watch {
        number: u8,
    },
    AcknowledgeOperation {
        framework: usize,
        pick: u8,
    },
    Decline {
        framework: usize,
        offers: u8,
    },
    Kill {
        framework: usize,
        task: u8,
    },
    Suppress {
        framework: usize,
    },
    Revive {
        framework: usize,
    },
    Reconcile {
        framework: usize,
    },
    Update {
        agent: u16,
        pick: u8,
        state: u8,
    },
    Acknowledge {
        framework: usize,
        pick: u8,
    },
    ExecutorExited {
        agent: u16,
        pick: u8,
    },
    /// The registrar answers the oldest question.
    Record,
    /// The alarm that is next goes off.
    Wake,
    /// An alarm out of its turn.
    WakeAny {
        pick: u8,
    },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (agent, framework) = (0..3u16, 0..=HEAVIER);
    let step = prop_oneof![
        3 => agent.clone().prop_map(|agent| Step::Register { agent }),
        2 => (agent.clone(), any::<u8>(), 0..2u8).prop_map(|(agent, keeps, life)| Step::Reregister { agent, keeps, life }),
        1 => agent.clone().prop_map(|agent| Step::Unregister { agent }),
        1 => agent.clone().prop_map(|agent| Step::Exited { agent }),
        1 => agent.clone().prop_map(|agent| Step::Pong { agent }),
        3 => (framework.clone(), any::<bool>()).prop_map(|(framework, known)| Step::Subscribe { framework, known }),
        1 => framework.clone().prop_map(|framework| Step::StreamClosed { framework }),
        1 => framework.clone().prop_map(|framework| Step::Teardown { framework }),
        1 => (framework.clone(), any::<bool>())
            .prop_map(|(framework, leaves)| Step::UpdateFramework { framework, leaves }),
        6 => Just(Step::Allocate),
        6 => Just(Step::Deliver),
        8 => (framework.clone(), 0..4u8, 0..4u8, 0..5u8, any::<bool>()).prop_map(
            |(framework, offers, tasks, cpus, executor)| Step::Accept { framework, offers, tasks, cpus, executor }
        ),
        6 => (framework.clone(), 0..6u8, 1..5u8, any::<bool>())
            .prop_map(|(framework, kind, size, named)| Step::Convert { framework, kind, size, named }),
        2 => (agent.clone(), 0..6u8, 1..5u8).prop_map(|(agent, kind, size)| Step::Operator { agent, kind, size }),
        5 => (agent.clone(), any::<u8>(), any::<bool>())
            .prop_map(|(agent, pick, done)| Step::Operated { agent, pick, done }),
        3 => (agent.clone(), any::<u8>()).prop_map(|(agent, kind)| Step::Decree { agent, kind }),
        1 => (framework.clone(), any::<bool>())
            .prop_map(|(framework, accepted)| Step::AnswerInverse { framework, accepted }),
        2 => (prop_oneof![2 => Just(HEAVIER), 1 => framework.clone()], 0..9u8, prop::option::of(agent.clone()))
            .prop_map(|(framework, cpus, agent)| Step::Request { framework, cpus, agent }),
        1 => (0..8u8).prop_map(|number| Step::Watch { number }),
        2 => (framework.clone(), any::<u8>())
            .prop_map(|(framework, pick)| Step::AcknowledgeOperation { framework, pick }),
        2 => (framework.clone(), 0..4u8).prop_map(|(framework, offers)| Step::Decline { framework, offers }),
        2 => (framework.clone(), any::<u8>()).prop_map(|(framework, task)| Step::Kill { framework, task }),
        1 => framework.clone().prop_map(|framework| Step::Suppress { framework }),
        1 => framework.clone().prop_map(|framework| Step::Revive { framework }),
        1 => framework.clone().prop_map(|framework| Step::Reconcile { framework }),
        8 => (agent.clone(), any::<u8>(), any::<u8>())
            .prop_map(|(agent, pick, state)| Step::Update { agent, pick, state }),
        4 => (framework, any::<u8>()).prop_map(|(framework, pick)| Step::Acknowledge { framework, pick }),
        2 => (agent, any::<u8>()).prop_map(|(agent, pick)| Step::ExecutorExited { agent, pick }),
        6 => Just(Step::Record),
        2 => Just(Step::Wake),
        1 => any::<u8>().prop_map(|pick| Step::WakeAny { pick }),
    ];
    proptest::collection::vec(step, 1..250)
}
