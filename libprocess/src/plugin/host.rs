//! A host's side: the process that issues tokens, lets plugins in, and hears when they are gone.

use std::time::Duration;

use actix::{Actor, Handler, Message};
use metrics::Counter;
use rand::Rng as _;

use super::grants::{Grants, Token};
use super::join::{Join, Joined};
use crate::{AskError, Asked, Context, Doors, Exit, Pid, Process, Reply, Upid};

/// Lets plugins in, and says which of them fills a slot, and when it does no more.
///
/// Spawn it on a node that listens; [`launch`](super::launch) starts a program with a token, or
/// [`issue`] makes one for a program that is started otherwise.
pub struct Plugins {
    grants: Grants,
    tell: Box<Tell>,
    counts: Option<Counts>,
}

/// Told of a slot, and of who fills it from now on.
type Tell = dyn FnMut(&str, Option<Upid>) + Send;

struct Counts {
    joined: Counter,
    refused: Counter,
    left: Counter,
}

/// What happens to [`Plugins`].
pub enum Input {
    /// Makes a token for these slots, to be used first within this time.
    Issue {
        slots: Vec<String>,
        within: Duration,
        reply: Reply<Option<Token>>,
    },
    /// Makes a token worth nothing; who filled slots by right of it fills them no more.
    Revoke(Token),
    /// Who fills this slot.
    Find {
        slot: String,
        reply: Reply<Option<Upid>>,
    },
    Join(Asked<Join>),
}

/// Why no token was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    #[error("too many tokens are unused or in use")]
    TooMany,
    #[error("no answer from the process that issues tokens")]
    Unanswered(#[from] AskError),
}

impl Message for Input {
    type Result = ();
}

impl From<Asked<Join>> for Input {
    fn from(asked: Asked<Join>) -> Input {
        Input::Join(asked)
    }
}

/// Makes a token for `slots`, to be used first within `within`.
pub async fn issue(plugins: &Pid<Plugins>, slots: &[&str], within: Duration) -> Result<Token, IssueError> {
    let slots = slots.iter().map(|slot| (*slot).to_owned()).collect();
    let question = |reply| Input::Issue { slots, within, reply };
    plugins.call(Duration::from_secs(15), question).await?.ok_or(IssueError::TooMany)
}

impl Plugins {
    /// `tell` hears of each slot that is filled, and of each that is so no more.
    pub fn new(tell: impl FnMut(&str, Option<Upid>) + Send + 'static) -> Plugins {
        Plugins { grants: Grants::default(), tell: Box::new(tell), counts: None }
    }

    fn join(&mut self, asked: Asked<Join>, ctx: &mut Context<Self>) {
        let Asked { from, body: Join { token, slot }, reply, .. } = asked;
        let counts = self.counts.as_ref().expect("made at the start");
        match self.grants.join(&from, &token, &slot, ctx.runtime().elapsed()) {
            Ok(()) => {
                counts.joined.increment(1);
                tracing::info!(plugin = %from, slot, "plugin joined");
                ctx.link(&from);
                reply.send(Joined::Welcome);
                (self.tell)(&slot, Some(from));
            }
            Err(why) => {
                counts.refused.increment(1);
                // Once per refusal a peer has to ask for, and at most one question each way is open for it.
                tracing::debug!(plugin = %from, slot, %why, "plugin refused");
                reply.send(Joined::Refused(why));
            }
        }
    }

    fn empty(&mut self, slot: &str, who: &Upid, why: &dyn std::fmt::Display) {
        self.counts.as_ref().expect("made at the start").left.increment(1);
        tracing::warn!(plugin = %who, slot, %why, "plugin gone");
        (self.tell)(slot, None);
    }
}

impl Actor for Plugins {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let counter = |name: &str| ctx.runtime().metrics().counter(format!("libprocess/plugins/{name}"));
        self.counts =
            Some(Counts { joined: counter("joined"), refused: counter("refused"), left: counter("left") });
    }
}

impl Process for Plugins {
    const KIND: &'static str = "plugins";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.question::<Join>();
    }

    fn exited(&mut self, peer: &Upid, exit: Exit, _: &mut Context<Self>) {
        for slot in self.grants.left(peer) {
            self.empty(&slot, peer, &exit);
        }
    }
}

impl Handler<Input> for Plugins {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Issue { slots, within, reply } => {
                let mut bytes = [0; 16];
                ctx.rng().fill_bytes(&mut bytes);
                let token = Token::new(bytes);
                let now = ctx.runtime().elapsed();
                let issued = self.grants.issue(token, slots.into_iter().collect(), now, within);
                reply.send(issued.then_some(token));
            }
            Input::Revoke(token) => {
                for (slot, who) in self.grants.revoke(&token) {
                    ctx.unlink(&who);
                    self.empty(&slot, &who, &"revoked");
                }
            }
            Input::Find { slot, reply } => reply.send(self.grants.find(&slot).cloned()),
            Input::Join(asked) => self.join(asked, ctx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::super::{Invitation, JoinError, Refused};
    use super::*;
    use crate::sim::Sim;
    use crate::{Runtime, Spawn};

    type Told = Arc<Mutex<Vec<(String, Option<String>)>>>;

    struct Plugin {
        invitation: Invitation,
        slots: Vec<&'static str>,
        answers: Arc<Mutex<Vec<Result<(), JoinError>>>>,
    }

    struct Answer(Result<(), JoinError>);

    impl Message for Answer {
        type Result = ();
    }

    impl Actor for Plugin {
        type Context = Context<Self>;

        fn started(&mut self, ctx: &mut Context<Self>) {
            for slot in &self.slots {
                self.invitation.join(ctx, slot, Answer);
            }
        }
    }

    impl Process for Plugin {
        const KIND: &'static str = "plugin";
        type Input = Answer;
    }

    impl Handler<Answer> for Plugin {
        type Result = ();

        fn handle(&mut self, Answer(answer): Answer, _: &mut Context<Self>) {
            self.answers.lock().push(answer);
        }
    }

    fn host(node: &Runtime) -> (Pid<Plugins>, Told) {
        let told = Told::default();
        let tell = told.clone();
        let spawn = Spawn::named("plugins");
        let plugins = node.spawn(spawn, move || {
            Plugins::new(move |slot, who| {
                tell.lock().push((slot.to_owned(), who.map(|who| who.id().to_owned())));
            })
        });
        (plugins.unwrap(), told)
    }

    /// A plugin's answers, once it has as many as it asked for.
    fn join(
        sim: &mut Sim,
        node: &Runtime,
        host: &Pid<Plugins>,
        token: Token,
        slots: &[&'static str],
    ) -> (Pid<Plugin>, Vec<Result<(), JoinError>>) {
        let answers: Arc<Mutex<Vec<_>>> = Arc::default();
        let invitation = Invitation { host: host.upid().bare(), token };
        let (slots, heard, asked) = (slots.to_vec(), answers.clone(), slots.len());
        let plugin = node
            .spawn(Spawn::prefixed("plugin"), move || Plugin { invitation, slots, answers: heard })
            .unwrap();
        assert!(sim.run_until(|| answers.lock().len() == asked, Duration::from_secs(60)));
        let answers = answers.lock().clone();
        (plugin, answers)
    }

    #[test]
    fn a_plugin_fills_what_it_may_until_it_is_out_of_reach() {
        let mut sim = Sim::new(5);
        let (here, there) = (sim.node("127.0.0.1:1"), sim.node("127.0.0.1:2"));
        let (plugins, told) = host(&here);
        let hour = Duration::from_secs(3600);
        let token = sim.block_on(issue(&plugins, &["a", "b"], hour)).unwrap();
        let (plugin, mut answers) = join(&mut sim, &there, &plugins, token, &["a", "c"]);
        answers.sort_by_key(Result::is_err);
        assert_eq!(answers, [Ok(()), Err(JoinError::Refused(Refused::NotGranted("c".into())))]);
        let found = sim.block_on(plugins.call(hour, |reply| Input::Find { slot: "a".into(), reply }));
        assert_eq!(found, Ok(Some(plugin.upid().clone())));
        assert_eq!(here.metrics().snapshot()["libprocess/plugins/refused"], 1.0);

        sim.kill(&there);
        assert!(sim.run_until(|| told.lock().len() == 2, hour));
        assert_eq!(*told.lock(), [("a".into(), Some("plugin(1)".into())), ("a".into(), None)]);

        // What it joined by is worth nothing to who comes to its address.
        let there = sim.restart(&there, crate::sim::Disk::Kept);
        let (_, answers) = join(&mut sim, &there, &plugins, token, &["a"]);
        assert_eq!(answers, [Err(JoinError::Refused(Refused::UnknownToken))]);
    }

    #[test]
    fn a_token_that_is_revoked_empties_its_slots() {
        let mut sim = Sim::new(6);
        let (here, there) = (sim.node("127.0.0.1:1"), sim.node("127.0.0.1:2"));
        let (plugins, told) = host(&here);
        let token = sim.block_on(issue(&plugins, &["a"], Duration::from_secs(60))).unwrap();
        let (_, answers) = join(&mut sim, &there, &plugins, token, &["a"]);
        assert_eq!(answers, [Ok(())]);
        plugins.tell(Input::Revoke(token)).unwrap();
        sim.settle();
        assert_eq!(told.lock()[1], ("a".into(), None));
    }

    #[test]
    fn who_comes_from_elsewhere_is_refused() {
        let mut sim = Sim::new(7);
        let (here, there) = (sim.node("127.0.0.1:1"), sim.node("10.0.0.2:2"));
        let (plugins, _) = host(&here);
        let token = sim.block_on(issue(&plugins, &["a"], Duration::from_secs(60))).unwrap();
        let (_, answers) = join(&mut sim, &there, &plugins, token, &["a"]);
        assert_eq!(answers, [Err(JoinError::Refused(Refused::NotLocal))]);
    }
}
