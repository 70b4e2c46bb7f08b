//! The process `election`: hears who leads, and tells the master; a master that has led once does not do so again.
//!
//! ```text
//!   the replica says        the master
//!   Follower, Elected       stands by
//!   Leading(epoch)          leads in that epoch
//!   Suspended(epoch)        keeps its books and promises nothing
//!   Demoted(epoch)          ends with all it knew; another stands by in its place
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use detector::Announcer;
use libprocess::{Actor, Context, Exit, Handler, Lane, Message, Pid, Process, Runtime, SpawnError, Upid};
use libprocess_wire as wire;
use replicated_log::{LeaderState, Phase, Replica, Watch};

use crate::Master;
use crate::config::Config;
use crate::messages::Input;
use crate::registrar::Registry;
use crate::reign::Leader;
use crate::start::{Office, begin};
use crate::state::Published;

/// Between two looks whether the processes of a master that ended have ended too.
const ENDED_POLL: Duration = Duration::from_millis(1);

/// Between two attempts to start a master.
const RETRY: Duration = Duration::from_millis(100);

/// How long a leader that cannot be reached is not named, unless another is elected before.
const UNREACHED: Duration = Duration::from_secs(2);

/// What a master says of itself to the other replicas, so that they can send people on to it.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The name it publishes.
    pub hostname: String,
}

impl Candidate {
    /// What goes into [`replicated_log::Config::info`].
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }
}

/// Keeps a master beside a replica of the registry.
pub struct Election {
    replica: Replica<Registry>,
    config: Config,
    published: Published,
    announcer: Option<Announcer>,
    master: Option<Pid<Master>>,
    /// The epoch in which the master was told to lead.
    reign: Option<u64>,
    /// What the replica said last.
    state: LeaderState,
    /// The leading master elsewhere, to whom there is a link.
    followed: Option<Upid>,
    /// One whose link broke lately. The log still names it, until another is elected.
    unreached: Option<SocketAddr>,
}

/// All that can happen to an election.
pub enum ElectionInput {
    /// The replica has changed its mind; here is where to hear of the next time.
    Changed(LeaderState, Watch<LeaderState>),
    /// The replica is gone, or cannot go on, and this with it.
    Closed,
    /// Nothing is left of the last master: time for the next.
    Begin,
    /// Time to name the leader again, if it is still the same.
    Follow,
}

impl Election {
    pub(crate) fn new(
        replica: Replica<Registry>,
        config: Config,
        published: Published,
        announcer: Option<Announcer>,
    ) -> Self {
        let state = LeaderState::Follower { leader: None };
        Election {
            replica,
            config,
            published,
            announcer,
            master: None,
            reign: None,
            state,
            followed: None,
            unreached: None,
        }
    }

    /// Waits for the next change.
    fn listen(&self, mut leadership: Watch<LeaderState>, ctx: &mut Context<Self>) {
        let changed = async move {
            match leadership.changed().await {
                Ok(()) => ElectionInput::Changed(leadership.get(), leadership),
                Err(_) => ElectionInput::Closed,
            }
        };
        ctx.task(changed, |input| input);
    }

    fn begin(&mut self, ctx: &mut Context<Self>) {
        let (office, announcer) = (Office::Elected(self.replica.clone()), self.announcer.clone());
        match begin(ctx.runtime(), &self.config, office, &self.published, announcer) {
            Ok(master) => {
                ctx.link(master.upid());
                self.master = Some(master);
                self.reign = None;
                self.tell(ctx);
            }
            Err(SpawnError::ShutDown) => ctx.stop(),
            Err(error) => {
                tracing::warn!(%error, "a master does not start yet");
                ctx.after(RETRY, ElectionInput::Begin);
            }
        }
    }

    /// Tells the master where it stands.
    fn tell(&mut self, ctx: &mut Context<Self>) {
        let Some(master) = self.master.clone() else { return };
        let input = match (&self.state, self.reign) {
            (LeaderState::Leading(epoch), None) => {
                tracing::info!(%epoch, "this master leads");
                self.reign = Some(epoch.0);
                Input::Leads { epoch: epoch.0 }
            }
            (LeaderState::Leading(epoch), Some(reign)) if epoch.0 == reign => Input::Suspended(false),
            (LeaderState::Suspended(epoch), Some(reign)) if epoch.0 == reign => {
                tracing::warn!(%epoch, "too few other masters are heard: nothing is promised until they are");
                Input::Suspended(true)
            }
            (_, None) => {
                let leader = self.leader().filter(|leader| self.unreached != Some(leader.address));
                self.follow(leader.as_ref(), ctx);
                Input::Follows { leader }
            }
            (_, Some(_)) => {
                tracing::warn!(state = ?self.state, "this master leads no more");
                return master.terminate(Lane::System);
            }
        };
        // A master that is gone is followed by another, which is told anew.
        let _ = ctx.tell(&master, input);
    }

    /// Hears from now on when this leader is gone, and of no other.
    fn follow(&mut self, leader: Option<&Leader>, ctx: &mut Context<Self>) {
        let next = leader.map(|leader| Upid::new("master", leader.address));
        if next == self.followed {
            return;
        }
        if let Some(before) = std::mem::replace(&mut self.followed, next) {
            ctx.unlink(&before);
        }
        if let Some(leader) = &self.followed {
            ctx.link(leader);
        }
    }

    /// The leader that is followed, with the name it publishes.
    fn leader(&self) -> Option<Leader> {
        let LeaderState::Follower { leader: Some((node, address)) } = self.state else { return None };
        let said = self.replica.leader().filter(|leader| leader.node == node);
        let candidate = said.and_then(|leader| wire::decode::<Candidate>(&leader.info).ok());
        let hostname = candidate.map_or_else(|| address.ip().to_string(), |candidate| candidate.hostname);
        Some(Leader { address, hostname })
    }
}

impl Message for ElectionInput {
    type Result = ();
}

impl Actor for Election {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let leadership = self.replica.leadership();
        self.state = leadership.get();
        self.listen(leadership, ctx);
        let mut status = self.replica.status();
        let broken = async move { status.until(|status| matches!(status.phase, Phase::Damaged(_))).await };
        ctx.task(broken, |_| ElectionInput::Closed);
        self.begin(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(master) = &self.master {
            master.terminate(Lane::System);
        }
    }
}

impl Process for Election {
    const KIND: &'static str = "election";
    type Input = ElectionInput;

    /// Our master is gone, by our word or its own: the next begins once those that worked for it are gone too. Or the
    /// leader is, which is known here before the replicas miss it: nobody is sent there any more.
    fn exited(&mut self, peer: &Upid, _: Exit, ctx: &mut Context<Self>) {
        if self.master.as_ref().is_some_and(|master| master.upid() == peer) {
            self.master = None;
            let runtime = ctx.runtime().clone();
            ctx.task(alone(runtime), |()| ElectionInput::Begin);
        } else if self.followed.as_ref().is_some_and(|leader| leader.address() == peer.address()) {
            self.followed = None;
            self.unreached = Some(peer.address());
            if let (Some(master), None) = (&self.master, self.reign) {
                let _ = ctx.tell(master, Input::Follows { leader: None });
            }
            ctx.after(UNREACHED, ElectionInput::Follow);
        }
    }
}

/// Returns once no process of a master is left.
async fn alone(runtime: Runtime) {
    while ["master", "hierarchical-drf-allocator(1)", "registrar(1)"]
        .into_iter()
        .any(|name| runtime.lookup(name).is_some())
    {
        runtime.sleep(ENDED_POLL).await;
    }
}

impl Handler<ElectionInput> for Election {
    type Result = ();

    fn handle(&mut self, input: ElectionInput, ctx: &mut Context<Self>) {
        match input {
            ElectionInput::Changed(state, leadership) => {
                self.state = state;
                self.listen(leadership, ctx);
                self.tell(ctx);
            }
            ElectionInput::Closed => ctx.stop(),
            ElectionInput::Begin => self.begin(ctx),
            ElectionInput::Follow => {
                self.unreached = None;
                if matches!(self.state, LeaderState::Follower { .. }) {
                    self.tell(ctx);
                }
            }
        }
    }
}
