//! The shell of [`Follow`] between processes: asks peers by question, watches the leader by link.

use std::time::Duration;

use actix::{Actor, Handler, Message};
use libprocess_wire as wire;
use rand::RngExt;

use super::{Backoff, Follow, Heard, Step};
use crate::{AskError, Context, Exit, Process, Upid};

/// Asks a peer whether it leads. Whoever may lead opens a door for it.
#[wire::question(name = "libprocess.who_leads", version = 1, reply = Leadership)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhoLeads {}

/// What a peer knows of who leads.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// It leads itself.
    Mine,
    /// It does not; who leads, as `id@ip:port`, if it knows.
    Other(Option<String>),
}

/// How long a peer may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often the leader is asked whether it still leads.
const RECHECK: Duration = Duration::from_secs(5);

/// A process that finds the leader among its peers and says, each time that changes, who it is.
///
/// Peers answer [`WhoLeads`]. A leader is lost when its link breaks, when it ends, and when it says
/// that it leads no more.
pub struct Seeker {
    follow: Follow<Upid>,
    tell: Box<dyn FnMut(Option<Upid>) + Send>,
}

/// What happens to a seeker.
pub struct Input(Happening);

enum Happening {
    Answered(Upid, Result<Leadership, AskError>),
    Rested,
    Recheck,
}

impl Message for Input {
    type Result = ();
}

impl Seeker {
    /// `known` are the peers by name, without epochs; `tell` hears of each leader, and of each loss.
    pub fn new(
        known: Vec<Upid>,
        backoff: Backoff,
        tell: impl FnMut(Option<Upid>) + Send + 'static,
    ) -> Seeker {
        let known = known.iter().map(Upid::bare).collect();
        Seeker { follow: Follow::new(known, backoff), tell: Box::new(tell) }
    }

    fn heard(&mut self, heard: Heard<Upid>, ctx: &mut Context<Self>) {
        let chance = ctx.rng().random();
        let steps = self.follow.heard(heard, chance);
        self.perform(steps, ctx);
    }

    fn perform(&mut self, steps: Vec<Step<Upid>>, ctx: &mut Context<Self>) {
        for step in steps {
            match step {
                Step::Ask(peer) => ask(peer, ctx),
                Step::Rest(delay) => drop(ctx.after(delay, Input(Happening::Rested))),
                Step::Found(leader) => {
                    ctx.link(&leader);
                    (self.tell)(Some(leader));
                }
                Step::Lost(leader) => {
                    ctx.unlink(&leader);
                    (self.tell)(None);
                }
            }
        }
    }
}

fn ask(peer: Upid, ctx: &mut Context<Seeker>) {
    ctx.ask(&peer.clone(), WhoLeads {}, ANSWER, move |answer| Input(Happening::Answered(peer, answer)));
}

impl Actor for Seeker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let steps = self.follow.start();
        self.perform(steps, ctx);
        ctx.every(RECHECK, || Input(Happening::Recheck));
    }
}

impl Process for Seeker {
    const KIND: &'static str = "seeker";
    type Input = Input;

    fn exited(&mut self, peer: &Upid, _: Exit, ctx: &mut Context<Self>) {
        self.heard(Heard::Silence(peer.clone()), ctx);
    }
}

impl Handler<Input> for Seeker {
    type Result = ();

    fn handle(&mut self, Input(happening): Input, ctx: &mut Context<Self>) {
        match happening {
            Happening::Answered(peer, Ok(Leadership::Mine)) => self.heard(Heard::Leads(peer), ctx),
            Happening::Answered(peer, Ok(Leadership::Other(named))) => {
                // A name that is none is as good as no name.
                let named = named.and_then(|named| named.parse().ok());
                self.heard(Heard::Other(peer, named), ctx);
            }
            Happening::Answered(peer, Err(_)) => self.heard(Heard::Silence(peer), ctx),
            Happening::Rested => self.heard(Heard::Rested, ctx),
            Happening::Recheck => {
                self.follow.leader().cloned().into_iter().for_each(|leader| ask(leader, ctx))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::sim::Sim;
    use crate::{Asked, Doors, Runtime, Spawn};

    /// Says who leads, as it was told.
    struct Peer(Arc<Mutex<Leadership>>);

    struct Question(Asked<WhoLeads>);

    impl From<Asked<WhoLeads>> for Question {
        fn from(asked: Asked<WhoLeads>) -> Question {
            Question(asked)
        }
    }

    impl Message for Question {
        type Result = ();
    }

    impl Actor for Peer {
        type Context = Context<Self>;
    }

    impl Process for Peer {
        const KIND: &'static str = "peer";
        type Input = Question;

        fn doors(&self, doors: &mut Doors<Self>) {
            doors.question::<WhoLeads>();
        }
    }

    impl Handler<Question> for Peer {
        type Result = ();

        fn handle(&mut self, Question(asked): Question, _: &mut Context<Self>) {
            asked.reply.send(self.0.lock().clone());
        }
    }

    fn peer(node: &Runtime, says: Leadership) -> Arc<Mutex<Leadership>> {
        let says = Arc::new(Mutex::new(says));
        let shared = says.clone();
        node.spawn(Spawn::named("peer"), move || Peer(shared)).unwrap();
        says
    }

    #[test]
    fn the_leader_is_found_through_the_one_that_knows_it_and_again_when_it_is_gone() {
        let mut sim = Sim::new(3);
        let nodes = ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1"].map(|at| sim.node(at));
        let [dead, follower, leader, here] = &nodes;
        let at = |node: &Runtime| Upid::new("peer", node.address());
        let names = peer(follower, Leadership::Other(Some(at(leader).to_string())));
        peer(leader, Leadership::Mine);
        sim.kill(dead);

        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        // The leader is not among those it is told of.
        let known = vec![at(dead), at(follower)];
        here.spawn(Spawn::named("seeker"), move || {
            Seeker::new(known, Backoff::default(), move |leader| heard.lock().push(leader))
        })
        .unwrap();
        let minute = Duration::from_secs(60);
        assert!(sim.run_until(|| told.lock().len() == 1, minute));
        assert_eq!(*told.lock(), [Some(at(leader))]);

        *names.lock() = Leadership::Mine;
        sim.kill(leader);
        assert!(sim.run_until(|| told.lock().len() == 3, minute));
        assert_eq!(told.lock()[1..], [None, Some(at(follower))]);

        // It leads no more, and says so.
        *names.lock() = Leadership::Other(None);
        assert!(sim.run_until(|| told.lock().len() == 4, minute));
        assert_eq!(told.lock()[3], None);
    }
}
