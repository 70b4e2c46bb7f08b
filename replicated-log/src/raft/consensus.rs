//! Consensus as the rest of the crate sees it: commands and reads in, members and leaders out, errors of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use libprocess::environment::Environment;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::{
    ChangeMembershipError, ClientWriteError, Fatal, ForwardToLeader, LinearizableReadError, RaftError,
};
use openraft::impls::ProgressResponder;
use openraft::metrics::RaftServerMetrics;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest};
use openraft::type_config::alias::SnapshotOf;
use openraft::{ChangeMembers, Config as RaftConfig, Raft, ReadPolicy, ServerState, SnapshotPolicy};

use super::codec::{self, Covered, Place};
use super::log_store::LogStore;
use super::network::Network;
use super::runtime::{Calling, WatchReceiver, calling};
use super::state_machine::StateMachine;
use super::types::{LeaderId, LogId, Types};
use crate::command::{Answer, Command};
use crate::config::{Config, Keep, Timing};
use crate::messages::{Append, Appended, Ballot, Candidacy, Transfer};
use crate::snapshot::Snapshot;
use crate::{LogError, Machine, Member, Members, NodeId};

/// How long a change of members usually takes.
const CHANGING: Duration = Duration::from_millis(50);

/// Consensus among the replicas. Cheap to clone; calls may come from any thread.
pub(crate) struct Consensus<M: Machine>(Raft<Types, StateMachine<M>>, Environment);

impl<M: Machine> Clone for Consensus<M> {
    fn clone(&self) -> Consensus<M> {
        Consensus(self.0.clone(), self.1.clone())
    }
}

/// Where consensus stands, as far as this replica knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Why it has stopped, if it has.
    pub(crate) stopped: Option<String>,
    pub(crate) term: u64,
    pub(crate) leader: Option<NodeId>,
    /// This replica's reign, if it leads.
    pub(crate) reign: Option<Reign>,
    /// When the latest message was sent that a majority has answered. Unit: time since the node started.
    pub(crate) acknowledged: Option<Duration>,
    pub(crate) last: u64,
    pub(crate) committed: u64,
    pub(crate) applied: u64,
    pub(crate) snapshot: u64,
    pub(crate) purged: u64,
    pub(crate) members: Members,
    /// Known to the leader alone. Shape: node → the last entry it is known to have, and when it was last heard.
    pub(crate) replicas: BTreeMap<NodeId, (u64, Option<Duration>)>,
}

/// One time of leading: the term, and in whose name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reign(LeaderId);

/// How the library is set up.
fn config(config: &Config) -> RaftConfig {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let Timing { heartbeat, election: (least, most) } = config.timing;
    RaftConfig {
        cluster_name: config.name.clone(),
        heartbeat_interval: ms(heartbeat),
        election_timeout_min: ms(least),
        election_timeout_max: ms(most),
        enable_pre_vote: Some(true),
        enable_leader_restore: Some(false),
        // A leader that hears from no majority steps back, though others may still follow it.
        quorum_loss_probe_interval: Some(ms(most) * 2),
        max_payload_entries: 4096,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(10_000),
        max_in_snapshot_log_to_keep: match config.keep {
            Keep::Entries(entries) => entries,
            Keep::UntilTruncated => u64::MAX,
        },
        purge_batch_size: 256,
        install_snapshot_timeout: 10_000,
        ..RaftConfig::default()
    }
}

impl<M: Machine> Consensus<M> {
    /// Starts it on what is on disk. It does nothing by itself before it knows members.
    ///
    /// Errors: when what is on disk cannot be gone on from.
    pub(crate) async fn start(
        environment: &Environment,
        settings: &Config,
        network: Network,
        log: LogStore,
        machine: StateMachine<M>,
    ) -> Result<Consensus<M>, LogError> {
        let config = config(settings).validate().map_err(|error| LogError::Refused(error.to_string()))?;
        let node = network.who.node();
        let raft = Raft::new(node, Arc::new(config), network, log, machine).await.map_err(stopped)?;
        Ok(Consensus(raft, environment.clone()))
    }

    /// The library reads the clock while it is called, also by those who are not within its environment.
    fn call<F: IntoFuture>(&self, call: F) -> Calling<F::IntoFuture> {
        calling(&self.1, call.into_future())
    }

    pub(crate) async fn close(&self) {
        let _ = self.0.shutdown().await;
    }

    /// Whether there are members, or have been.
    pub(crate) async fn is_formed(&self) -> Result<bool, LogError> {
        self.0.is_initialized().await.map_err(stopped)
    }

    /// The first members, alike on each of them. Nothing happens if there are some.
    pub(crate) async fn form(&self, members: BTreeMap<NodeId, Member>) -> Result<(), LogError> {
        match self.0.initialize(members).await {
            Ok(()) => Ok(()),
            Err(RaftError::APIError(openraft::errors::InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::APIError(error)) => Err(LogError::Refused(error.to_string())),
            Err(RaftError::Fatal(fatal)) => Err(stopped(fatal)),
        }
    }

    /// Proposes a command, if `reign` is not over. What comes of it is awaited by itself, on any thread.
    pub(crate) async fn propose(
        &self,
        command: Command,
        reign: Option<Reign>,
    ) -> Result<impl Future<Output = Result<(u64, Answer), LogError>> + Send + use<M>, LogError> {
        let (responder, answer) = ProgressResponder::complete_only();
        let mut write = self.0.write(command).responder(responder);
        if let Some(Reign(leader)) = reign {
            write = write.with_leader(leader);
        }
        self.call(write).await.map_err(stopped)?;
        Ok(async move {
            match answer.await {
                Ok(Ok(response)) => Ok((response.log_id.index, response.data)),
                Ok(Err(error)) => Err(refused(error)),
                // Consensus ended with it in hand.
                Err(_) => Err(LogError::Unknown),
            }
        })
    }

    /// The index up to which all must be applied for a read to see whatever was answered before now.
    ///
    /// With `lease`, the leader's word is taken for it while its lease holds; else a majority is asked.
    pub(crate) async fn read_index(&self, lease: bool) -> Result<u64, LogError> {
        let policy = if lease { ReadPolicy::LeaseRead } else { ReadPolicy::ReadIndex };
        match self.call(self.0.get_read_linearizer(policy)).await {
            Ok(linearizer) => Ok(linearizer.read_log_id().index()),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to))) => Err(not_leader(&to)),
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(quorum))) => {
                let voters = self.standing().members.voters.len();
                let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                Err(LogError::NoQuorum { reachable: number(quorum.got.len()), voters: number(voters) })
            }
            Err(RaftError::Fatal(fatal)) => Err(stopped(fatal)),
        }
    }

    /// Adds a learner. It is told everything from now on.
    pub(crate) async fn add_learner(&self, node: NodeId, member: Member) -> Result<(), LogError> {
        self.call(self.0.add_learner(node, member, false)).await.map(drop).map_err(changed)
    }

    /// Makes a learner a voter, and drops the nodes in whose place it comes.
    pub(crate) async fn promote(&self, node: NodeId, instead: BTreeSet<NodeId>) -> Result<(), LogError> {
        let mut changes = vec![ChangeMembers::AddVoterIds(BTreeSet::from([node]))];
        if !instead.is_empty() {
            changes.push(ChangeMembers::RemoveVoters(instead));
        }
        self.change(ChangeMembers::Batch(changes)).await
    }

    /// Takes a node out, voter or learner.
    pub(crate) async fn remove(&self, node: NodeId) -> Result<(), LogError> {
        let members = self.standing().members;
        let change = if members.voters.contains_key(&node) {
            ChangeMembers::RemoveVoters(BTreeSet::from([node]))
        } else {
            ChangeMembers::RemoveNodes(BTreeSet::from([node]))
        };
        self.change(change).await
    }

    /// A member is reached at another address from now on.
    pub(crate) async fn set_address(&self, node: NodeId, member: Member) -> Result<(), LogError> {
        self.change(ChangeMembers::SetNodes(BTreeMap::from([(node, member)]))).await
    }

    async fn change(&self, change: ChangeMembers<NodeId, Member>) -> Result<(), LogError> {
        let seen = *self.0.metrics().borrow_watched().membership_config.log_id();
        let unless = openraft::Precondition::LastMembershipLogId { last_membership_log_id: seen };
        self.call(self.0.change_membership_if(change, false, [unless])).await.map(drop).map_err(changed)
    }

    /// Asks a node to lead in this one's place.
    pub(crate) async fn transfer_to(&self, node: NodeId) -> Result<(), LogError> {
        self.call(self.0.trigger().transfer_leader(node)).await.map_err(stopped)
    }

    /// Begins a snapshot.
    pub(crate) async fn snapshot(&self) -> Result<(), LogError> {
        self.call(self.0.trigger().snapshot()).await.map_err(stopped)
    }

    /// Lets go of the entries up to this index, as far as a snapshot holds what they amount to.
    pub(crate) async fn purge(&self, upto: u64) -> Result<(), LogError> {
        self.0.trigger().purge_log(upto).await.map_err(stopped)
    }

    /// Where consensus stands.
    pub(crate) fn standing(&self) -> Standing {
        let metrics = self.0.metrics();
        let metrics = metrics.borrow_watched();
        let index = |id: &Option<LogId>| id.map_or(0, |id| id.index);
        let reign = match metrics.state {
            ServerState::Leader if metrics.vote.committed => Some(Reign(metrics.vote.leader_id)),
            _ => None,
        };
        let heard = |node: &NodeId| {
            let heartbeat = metrics.heartbeat.as_ref()?.get(node)?.as_ref()?;
            Some(heartbeat.into_inner().0)
        };
        let replication = metrics.replication.iter().flatten();
        Standing {
            stopped: metrics.running_state.as_ref().err().map(ToString::to_string),
            term: metrics.current_term,
            leader: metrics.current_leader,
            reign,
            acknowledged: metrics.last_quorum_acked.map(|acked| acked.into_inner().0),
            last: metrics.last_log_index.unwrap_or(0),
            committed: index(&metrics.cluster_committed),
            applied: index(&metrics.last_applied),
            snapshot: index(&metrics.snapshot),
            purged: index(&metrics.purged),
            members: codec::members(metrics.membership_config.membership()),
            replicas: replication.map(|(node, id)| (*node, (index(id), heard(node)))).collect(),
        }
    }

    /// Tells of each change of leader, term and members; not of each entry.
    pub(crate) fn changes(&self) -> Changes {
        Changes(self.0.server_metrics())
    }

    /// Begins an election at once, in a term of its own.
    pub(crate) async fn elect(&self) -> Result<(), LogError> {
        self.call(self.0.trigger().elect(false)).await.map_err(stopped)
    }

    /// Takes the leader's entries.
    pub(crate) async fn append(&self, append: Append) -> Result<Appended, String> {
        let mut entries = Vec::with_capacity(append.entries.len());
        for entry in append.entries {
            entries.push(entry.read().map_err(|error| error.to_string())?);
        }
        let request = AppendEntriesRequest {
            vote: append.vote.into(),
            prev_log_id: append.previous.map(LogId::from),
            entries,
            leader_commit: append.committed.map(LogId::from),
        };
        Ok(match self.0.append_entries(request).await.map_err(|error| error.to_string())? {
            AppendEntriesResponse::Success => Appended::All,
            AppendEntriesResponse::PartialSuccess(id) => Appended::UpTo(id.map(Place::from)),
            AppendEntriesResponse::Conflict => Appended::Conflict,
            AppendEntriesResponse::HigherVote(vote) => Appended::Later(vote.into()),
        })
    }

    /// Votes, or says whether it would.
    pub(crate) async fn ballot(&self, candidacy: Candidacy) -> Result<Ballot, String> {
        let mut request = VoteRequest::new(candidacy.vote.into(), candidacy.last.map(LogId::from));
        request.leadership_transfer = candidacy.transfer;
        let answer = match candidacy.probe {
            true => self.0.pre_vote(request).await,
            false => self.0.vote(request).await,
        };
        let answer = answer.map_err(|error| error.to_string())?;
        let last = answer.last_log_id.map(Place::from);
        Ok(Ballot { vote: answer.vote.into(), granted: answer.vote_granted, last })
    }

    /// The leader wants a successor, perhaps this one.
    pub(crate) async fn succeed(&self, transfer: Transfer) -> Result<bool, String> {
        let last = transfer.last.map(LogId::from);
        let request = TransferLeaderRequest::new(transfer.vote.into(), transfer.successor, last);
        let taken = self.0.handle_transfer_leader(request).await.map_err(|error| error.to_string())?;
        Ok(taken.is_ok())
    }

    /// Becomes what a snapshot of the leader says.
    pub(crate) async fn install(
        &self,
        vote: codec::Vote,
        covered: Covered,
        snapshot: Snapshot,
    ) -> Result<codec::Vote, String> {
        let meta = covered.try_into().map_err(|error: libprocess_wire::DecodeError| error.to_string())?;
        let whole = SnapshotOf::<Types, Snapshot> { meta, snapshot };
        let answer = self.0.install_full_snapshot(vote.into(), whole).await;
        Ok(answer.map_err(|error| error.to_string())?.vote.into())
    }
}

/// Tells of each change of leader, term and members.
pub(crate) struct Changes(WatchReceiver<RaftServerMetrics<Types>>);

impl Changes {
    /// Returns at the next change; false once there will be none.
    pub(crate) async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

fn stopped(fatal: Fatal<Types>) -> LogError {
    LogError::Stopped(fatal.to_string())
}

fn not_leader(to: &ForwardToLeader<Types>) -> LogError {
    LogError::NotLeader { hint: to.leader_node.as_ref().map(|node| node.address) }
}

fn refused(error: ClientWriteError<Types>) -> LogError {
    match error {
        ClientWriteError::ForwardToLeader(to) => not_leader(&to),
        ClientWriteError::LogEntryDiscarded(_) => LogError::Unknown,
        // Another change is under way, or was made meanwhile.
        ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(_))
        | ClientWriteError::PreconditionFailed(_) => LogError::TooBusy { retry: CHANGING },
        error => LogError::Refused(error.to_string()),
    }
}

fn changed(error: RaftError<Types, ClientWriteError<Types>>) -> LogError {
    match error {
        RaftError::APIError(error) => refused(error),
        RaftError::Fatal(fatal) => stopped(fatal),
    }
}
