//! How consensus reaches the other nodes: its questions, spelled as messages, over the links of the node.
//!
//! All go by one link, so each is small: a snapshot travels in pieces of 256 KiB of which one is on its way at a time,
//! and appends are cut by the log store. A heartbeat waits behind no more than a few of them.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt};
use libprocess::AskError;
use libprocess_wire as wire;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{Backoff, RPCOption};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendError, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RPCTypes, RaftNetworkFactory, RaftNetworkV2};

use super::types::{LogId, Types, Vote};
use crate::actor::Outside;
use crate::messages::{Address, Append, Appended, Arrived, Ballot, Candidacy, Chunk, Heard, Transfer};
use crate::raft::codec::{Covered, Entry, Place};
use crate::snapshot::Snapshot;
use crate::who::Who;
use crate::{Member, NodeId};

/// How much of a snapshot travels at once. Unit: bytes.
const CHUNK: usize = 256 << 10;
/// How many appends to one node may be on their way.
const APPENDS: usize = 16;
/// How long a node may take to write a piece of a snapshot.
const CHUNK_TIME: Duration = Duration::from_secs(10);

type Failed = RPCError<Types>;
type Answers<'s> = BoxStream<'s, Result<Result<Option<LogId>, StreamAppendError<Types>>, Failed>>;
type Whole = openraft::type_config::alias::SnapshotOf<Types, Snapshot>;

/// Knows the way to every node.
pub(crate) struct Network {
    pub(crate) outside: Outside,
    pub(crate) who: Who,
    /// How long an append may take before the node counts as not reached.
    pub(crate) patience: Duration,
}

/// The way to one node.
pub(crate) struct Way {
    outside: Outside,
    who: Who,
    target: NodeId,
    to: SocketAddr,
    patience: Duration,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Way;

    async fn new_client(&mut self, target: NodeId, node: &Member) -> Way {
        let (outside, who) = (self.outside.clone(), self.who.clone());
        Way { outside, who, target, to: node.address, patience: self.patience }
    }
}

impl Way {
    /// Asks the node; whatever it says but an answer is a failure of its own kind.
    fn ask<Q, T, F>(
        &self,
        action: RPCTypes,
        question: F,
        within: Duration,
    ) -> impl Future<Output = Result<T, Failed>> + Send + use<Q, T, F>
    where
        Q: wire::Question<Reply = Heard<T>>,
        T: wire::Part + Send + 'static,
        F: FnOnce(Address) -> Q,
    {
        let (me, target) = (self.who.node(), self.target);
        let asked = self.who.cluster().map(|cluster| {
            let address = Address { cluster, from: me, to: target };
            self.outside.ask(self.to, question(address), within)
        });
        async move {
            let Some(asked) = asked else {
                return Err(unreachable("this replica belongs to no cluster yet"));
            };
            match asked.await {
                Ok(Heard::Done(answer)) => Ok(answer),
                Ok(Heard::NotMe { cluster, node }) => {
                    tracing::debug!(%target, ?cluster, %node, "another replica lives at this address");
                    Err(unreachable("another replica lives at this address"))
                }
                Ok(Heard::Failed(why)) => Err(unreachable(why)),
                Err(AskError::Timeout) => Err(Timeout { action, id: me, target, timeout: within }.into()),
                Err(AskError::Rejected) => Err(NetworkError::from_string("the question was rejected").into()),
                Err(error) => Err(unreachable(error)),
            }
        }
    }

    /// Sends an append at once; what comes of it is awaited later.
    fn append(
        &self,
        request: AppendEntriesRequest<Types>,
    ) -> impl Future<Output = Result<(Appended, Option<LogId>, Option<LogId>), Failed>> + Send + use<> {
        let previous = request.prev_log_id;
        let last = request.entries.last().map(|entry| entry.log_id).or(previous);
        let question = move |address| Append {
            address,
            vote: request.vote.into(),
            previous: previous.map(Place::from),
            entries: request.entries.into_iter().map(Entry::from).collect(),
            committed: request.leader_commit.map(Place::from),
        };
        let asked = self.ask(RPCTypes::AppendEntries, question, self.patience);
        async move { Ok((asked.await?, previous, last)) }
    }

    async fn candidacy(
        &self,
        probe: bool,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, Failed> {
        let question = |address| Candidacy {
            address,
            probe,
            vote: request.vote.into(),
            last: request.last_log_id.map(Place::from),
            transfer: request.leadership_transfer,
        };
        let Ballot { vote, granted, last } = self.ask(RPCTypes::Vote, question, option.hard_ttl()).await?;
        Ok(VoteResponse { vote: vote.into(), vote_granted: granted, last_log_id: last.map(LogId::from) })
    }

    /// Sends what the node has not yet of a snapshot, piece by piece, until it is all there and installed.
    async fn pieces(&self, vote: Vote, whole: &Whole) -> Result<Vote, StreamingError<Types>> {
        let (covered, length) = (Covered::from(&whole.meta), whole.snapshot.len());
        // The first piece is none: it asks how much is there from an earlier attempt.
        let (mut offset, mut size) = (0, 0);
        loop {
            let read = whole.snapshot.chunk(offset, size);
            let bytes = read.map_err(|error| StreamingError::Unreachable(unreachable(error)))?;
            let checksum = crc32c::crc32c(&bytes);
            let covered = covered.clone();
            let question =
                |address| Chunk { address, vote: vote.into(), covered, length, offset, bytes, checksum };
            match self.ask(RPCTypes::InstallSnapshot, question, CHUNK_TIME).await? {
                Arrived::Next(next) => (offset, size) = (next, CHUNK),
                Arrived::Installed(vote) => return Ok(vote.into()),
            }
        }
    }
}

impl RaftNetworkV2<Types> for Way {
    type SnapshotData = Snapshot;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, Failed> {
        let (appended, _, _) = self.append(request).await?;
        Ok(match appended {
            Appended::All => AppendEntriesResponse::Success,
            Appended::UpTo(place) => AppendEntriesResponse::PartialSuccess(place.map(LogId::from)),
            Appended::Conflict => AppendEntriesResponse::Conflict,
            Appended::Later(vote) => AppendEntriesResponse::HigherVote(vote.into()),
        })
    }

    /// Several appends are on their way at once; the link keeps their order, and the answers are taken in it.
    fn stream_append<'s, S>(
        &'s mut self,
        requests: S,
        _: RPCOption,
    ) -> BoxFuture<'s, Result<Answers<'s>, Failed>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        let way = &*self;
        let answers = requests.map(move |request| way.append(request)).buffered(APPENDS);
        // The first that did not do in full is the last.
        let answers = answers.scan(false, |over, answer| {
            let step = if *over { None } else { Some(answered(answer, over)) };
            std::future::ready(step)
        });
        Box::pin(std::future::ready(Ok(Box::pin(answers) as Answers<'s>)))
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, Failed> {
        self.candidacy(false, request, option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, Failed> {
        self.candidacy(true, request, option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Whole,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let pieces = Box::pin(self.pieces(vote, &snapshot));
        match select(pieces, Box::pin(cancel)).await {
            Either::Left((vote, _)) => Ok(SnapshotResponse::new(vote?)),
            Either::Right((closed, _)) => Err(closed.into()),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, Failed> {
        let question = |address| Transfer {
            address,
            vote: (*request.from_leader()).into(),
            successor: *request.to_node_id(),
            last: request.last_log_id().copied().map(Place::from),
        };
        // Whoever refuses has seen a later vote, of which its appends tell.
        let _taken: bool = self.ask(RPCTypes::TransferLeader, question, option.hard_ttl()).await?;
        Ok(Ok(()))
    }

    fn backoff(&self) -> Option<Backoff> {
        let pauses = [20, 40, 80, 160].into_iter().chain(std::iter::repeat(320));
        Some(Backoff::new(pauses.map(Duration::from_millis)))
    }
}

fn answered(
    answer: Result<(Appended, Option<LogId>, Option<LogId>), Failed>,
    over: &mut bool,
) -> Result<Result<Option<LogId>, StreamAppendError<Types>>, Failed> {
    let (appended, previous, last) = answer.inspect_err(|_| *over = true)?;
    *over = appended != Appended::All;
    Ok(match (appended, previous) {
        (Appended::All, _) => Ok(last),
        (Appended::UpTo(place), _) => Ok(place.map(LogId::from)),
        (Appended::Conflict, Some(previous)) => Err(StreamAppendError::Conflict(previous)),
        (Appended::Conflict, None) => {
            return Err(NetworkError::from_string("a conflict with nothing").into());
        }
        (Appended::Later(vote), _) => Err(StreamAppendError::HigherVote(vote.into())),
    })
}

fn unreachable<E: From<Unreachable<Types>>>(why: impl std::fmt::Display) -> E {
    Unreachable::from_string(why.to_string()).into()
}
