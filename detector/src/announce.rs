//! Being found in ZooKeeper: the leading master's node, and nobody else's, is the first there.
//!
//! | the master | the nodes below the path |
//! |---|---|
//! | leads, for sure | its own is made, then those before it are deleted: they are of leaders before it |
//! | is not sure | stay as they are |
//! | does not lead | its own is deleted |
//!
//! Standbys publish nothing. A leader that was killed leaves its node behind until its session expires; the next one
//! does not wait for that. Deleting is safe because of the order: the nodes are read, then the leader makes sure that it
//! still leads, so whatever it has read is older than any leader after it.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use libprocess::actix::{Actor, Handler, Message};
use libprocess::{Context, Process, Runtime, Spawn, SpawnError};
use tokio::sync::watch;

use crate::Ensemble;
use crate::detect::BACKOFF;
use crate::zookeeper::{Group, Node, Session, SessionError, Ticket};

/// How a master stands, as far as others are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It leads.
    Leads,
    /// It led, and may not any more.
    Unsure,
    /// It does not lead.
    Follows,
}

/// Tells ZooKeeper how a master stands.
#[derive(Clone)]
pub struct Announcer {
    stand: watch::Sender<Stand>,
    done: watch::Receiver<Option<Stand>>,
    withdrawn: Arc<AtomicBool>,
    runtime: Runtime,
}

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "announcer of one that {:?}", *self.stand.borrow())
    }
}

impl Announcer {
    /// Has it told, as soon as ZooKeeper can be reached. Does not wait.
    pub fn tell(&self, stand: Stand) {
        let stand = if self.withdrawn.load(Ordering::Relaxed) { Stand::Follows } else { stand };
        self.stand.send_if_modified(|before| std::mem::replace(before, stand) != stand);
    }

    /// Takes the master's node away for good, and waits a moment until it is: for one that is about to end.
    pub async fn withdraw(&self, within: Duration) {
        self.withdrawn.store(true, Ordering::Relaxed);
        self.tell(Stand::Follows);
        let mut done = self.done.clone();
        // Without ZooKeeper the node goes when its session expires.
        let _ = self.runtime.timeout(within, done.wait_for(|done| *done == Some(Stand::Follows))).await;
    }
}

/// Keeps ZooKeeper told about a master, whose description as JSON is `info`.
///
/// `holds` says whether it leads for sure at this very moment; `timeout` is how long a session lives without a connection.
///
/// Errors: when the runtime has ended, or has an announcer.
pub fn announce(
    runtime: &Runtime,
    ensemble: Ensemble,
    timeout: Duration,
    info: Vec<u8>,
    holds: impl Fn() -> bool + Send + 'static,
) -> Result<Announcer, SpawnError> {
    let (stand, told) = watch::channel(Stand::Follows);
    let (doing, done) = watch::channel(None);
    let withdrawn = Arc::new(AtomicBool::new(false));
    let herald = Herald {
        runtime: runtime.clone(),
        ensemble,
        timeout,
        info,
        holds: Box::new(holds),
        told,
        doing,
        session: None,
        ticket: None,
        failures: 0,
        published: 0,
    };
    runtime.spawn(Spawn::named("announcer"), move || Announcing(Some(herald)))?;
    Ok(Announcer { stand, done, withdrawn, runtime: runtime.clone() })
}

/// The process `announcer`: carries the herald's work, and hears nothing.
struct Announcing(Option<Herald>);

struct Ended;

impl Message for Ended {
    type Result = ();
}

impl Actor for Announcing {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(herald) = self.0.take() {
            ctx.task(herald.run(), |()| Ended);
        }
    }
}

impl Process for Announcing {
    const KIND: &'static str = "announcer";
    type Input = Ended;
}

impl Handler<Ended> for Announcing {
    type Result = ();

    fn handle(&mut self, Ended: Ended, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

/// A session that expires has its node made anew; more than so often in one reign, somebody else is at work.
const REPUBLISHED_USUAL: u32 = 3;

/// Between two looks of a leader that is not sure that it leads.
const UNSURE: Duration = Duration::from_millis(50);

struct Herald {
    runtime: Runtime,
    ensemble: Ensemble,
    timeout: Duration,
    info: Vec<u8>,
    holds: Box<dyn Fn() -> bool + Send>,
    told: watch::Receiver<Stand>,
    doing: watch::Sender<Option<Stand>>,
    session: Option<Session>,
    ticket: Option<Ticket>,
    failures: u32,
    /// How often in a row somebody deleted what was published here.
    published: u32,
}

/// What brings the nodes closer to what they should be.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Publish,
    Delete(&'a str),
}

/// What is to be done about the nodes, the least first, by a session that publishes `info`.
fn steps<'a>(stand: Stand, nodes: &'a [Node], session: i64, info: &[u8]) -> Vec<Step<'a>> {
    let mine = |node: &&Node| node.owner == session;
    match stand {
        Stand::Unsure => Vec::new(),
        Stand::Follows => nodes.iter().filter(mine).map(|node| Step::Delete(&node.name)).collect(),
        Stand::Leads => match nodes.iter().filter(mine).find(|node| node.data == info) {
            // Those before it are deleted once it is there, so that there is always somebody to be found.
            None => vec![Step::Publish],
            Some(own) => {
                let other = |node: &&Node| node.name != own.name;
                let wrong = |node: &&Node| node.sequence < own.sequence || node.owner == session;
                nodes.iter().filter(other).filter(wrong).map(|node| Step::Delete(&node.name)).collect()
            }
        },
    }
}

impl Herald {
    /// Ends when nobody has anything to tell any more.
    async fn run(mut self) {
        loop {
            match self.turn().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => self.failed(&error).await,
            }
        }
    }

    /// Brings the nodes to what they should be, and waits until something changes; `false` when there is nobody to tell.
    async fn turn(&mut self) -> Result<bool, SessionError> {
        let stand = *self.told.borrow_and_update();
        if stand != Stand::Leads {
            self.published = 0;
        }
        if self.session.is_none() {
            let session =
                Session::connect(&self.runtime, &self.ensemble, self.timeout, self.ticket.as_ref()).await?;
            self.ticket = Some(session.ticket());
            self.session = Some(session);
        }
        let Some(session) = &mut self.session else { return Ok(true) };
        let id = session.id();
        let mut group = Group { session, ensemble: &self.ensemble };
        let nodes = group.nodes().await?;
        let steps = steps(stand, &nodes, id, &self.info);
        // Asked after reading: what was read is older than any leader after this one.
        if stand == Stand::Leads && !(self.holds)() {
            self.runtime.sleep(UNSURE).await;
            return Ok(true);
        }
        let mut published = false;
        for step in steps {
            match step {
                Step::Publish => {
                    group.publish(&self.info).await?;
                    published = true;
                    tracing::info!(zookeeper = %self.ensemble, "published as the leading master");
                }
                Step::Delete(name) => match group.delete(name).await? {
                    true => {
                        tracing::info!(node = name, zookeeper = %self.ensemble, "deleted the node of one that leads no more")
                    }
                    false => tracing::error!(
                        node = name,
                        zookeeper = %self.ensemble,
                        "not allowed to delete an older node: who looks in ZooKeeper finds that one first. Give all masters the same user:password"
                    ),
                },
            }
        }
        self.failures = 0;
        if published {
            // The nodes before it are still there.
            self.published += 1;
            if self.published > REPUBLISHED_USUAL {
                tracing::error!(
                    zookeeper = %self.ensemble,
                    "somebody deletes what is published here: do masters of two clusters share this path? Each cluster needs its own"
                );
                let wait =
                    BACKOFF.draw(self.published, &mut self.runtime.environment().rng.stream("announcer"));
                self.runtime.sleep(wait).await;
            }
            return Ok(true);
        }
        self.doing.send_replace(Some(stand));
        let Some(session) = &mut self.session else { return Ok(true) };
        match select(pin!(session.changed()), pin!(self.told.changed())).await {
            Either::Left((changed, _)) => changed.map(|()| true),
            Either::Right((told, _)) => Ok(told.is_ok()),
        }
    }

    /// A cluster without its ZooKeeper goes on; who looks there waits until it is back.
    async fn failed(&mut self, error: &SessionError) {
        self.session = None;
        if matches!(error, SessionError::Expired) {
            (self.ticket, self.published) = (None, 0);
        }
        if self.failures == 0 {
            tracing::warn!(%error, zookeeper = %self.ensemble, "ZooKeeper cannot be told who leads; trying again");
        }
        self.failures = self.failures.saturating_add(1);
        let wait = BACKOFF.draw(self.failures, &mut self.runtime.environment().rng.stream("announcer"));
        self.runtime.sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ME: i64 = 7;

    fn node(sequence: i64, owner: i64, data: &str) -> Node {
        Node { name: format!("json.info_{sequence:010}"), sequence, owner, data: data.into() }
    }

    fn names(steps: &[Step<'_>]) -> Vec<String> {
        steps.iter().map(|step| format!("{step:?}")).collect()
    }

    #[test]
    fn a_leader_publishes_before_it_deletes() {
        let before = [node(1, 3, "old")];
        assert_eq!(steps(Stand::Leads, &before, ME, b"me"), [Step::Publish]);
        let both = [node(1, 3, "old"), node(2, ME, "me")];
        assert_eq!(names(&steps(Stand::Leads, &both, ME, b"me")), [r#"Delete("json.info_0000000001")"#]);
        assert_eq!(steps(Stand::Leads, &both[1..], ME, b"me"), []);
    }

    #[test]
    fn nodes_after_its_own_are_left_alone() {
        let nodes = [node(2, ME, "me"), node(3, 4, "other")];
        assert_eq!(steps(Stand::Leads, &nodes, ME, b"me"), []);
    }

    #[test]
    fn one_that_leads_no_more_takes_its_own_node_away() {
        let nodes = [node(1, 3, "old"), node(2, ME, "me")];
        assert_eq!(names(&steps(Stand::Follows, &nodes, ME, b"me")), [r#"Delete("json.info_0000000002")"#]);
        assert_eq!(steps(Stand::Unsure, &nodes, ME, b"me"), []);
    }

    proptest! {
        /// Step by step, from any nodes: it ends, and the first is then the leader's. Nodes that come after it are not
        /// touched.
        #[test]
        fn a_leader_ends_up_first(owners in proptest::collection::vec((1i64..10, any::<bool>()), 0..6)) {
            let mut nodes: Vec<Node> = owners
                .iter()
                .enumerate()
                .map(|(at, (owner, same))| node(at as i64, *owner, if *same { "me" } else { "other" }))
                .collect();
            for _ in 0..3 {
                let wanted: Vec<String> = names(&steps(Stand::Leads, &nodes, ME, b"me"));
                let deleted: Vec<String> = steps(Stand::Leads, &nodes, ME, b"me").into_iter().filter_map(|step| match step {
                    Step::Delete(name) => Some(name.to_owned()),
                    Step::Publish => None,
                }).collect();
                nodes.retain(|node| !deleted.contains(&node.name));
                if wanted == ["Publish"] {
                    let next = nodes.last().map_or(0, |node| node.sequence + 1);
                    nodes.push(node(next, ME, "me"));
                }
            }
            prop_assert!(steps(Stand::Leads, &nodes, ME, b"me").is_empty());
            prop_assert!(nodes[0].owner == ME && nodes[0].data == b"me");
        }
    }
}
