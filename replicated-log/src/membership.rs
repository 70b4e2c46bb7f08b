//! Who takes part: replicas are taken in, promoted, taken out, and given the lead, while the cluster works.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::host::Host;
use crate::messages::{Hello, Join};
use crate::raft::consensus::Standing;
use crate::raft::runtime::sleep;
use crate::shared::Shared;
use crate::{ClusterId, LogError, Machine, Member, Members, NodeId, bootstrap};

/// How many entries a learner may be behind when it becomes a voter.
const NEAR: u64 = 64;
/// How often the leader looks whether a learner is near enough.
const LOOK: Duration = Duration::from_millis(100);
/// How long a replica has to say who it is.
const HELLO: Duration = Duration::from_secs(2);
/// How long a successor has to be elected.
const TRANSFER: Duration = Duration::from_secs(3);

/// Takes a new replica in, as a learner. The leader asks back at the address it gave: one that cannot be reached there
/// would weaken the cluster.
pub(crate) async fn join<M: Machine>(host: &Host<M>, join: Join) -> Result<ClusterId, LogError> {
    let shared = &host.shared;
    let cluster = leads(shared)?.1;
    let found = who_is_at(shared, join.address).await?;
    if found.1 != join.node {
        return Err(LogError::Refused(format!(
            "the replica at {} is {}, not {}",
            join.address, found.1, join.node
        )));
    }
    learn(shared, cluster, join.address, found).await?;
    Ok(cluster)
}

/// Takes the replica at an address in.
pub(crate) async fn add<M: Machine>(shared: &Shared<M>, address: SocketAddr) -> Result<Members, LogError> {
    let cluster = leads(shared)?.1;
    let found = who_is_at(shared, address).await?;
    learn(shared, cluster, address, found).await?;
    Ok(shared.running()?.consensus.standing().members)
}

async fn who_is_at<M: Machine>(
    shared: &Shared<M>,
    address: SocketAddr,
) -> Result<(Option<ClusterId>, NodeId), LogError> {
    let who = &shared.running()?.who;
    let hello = Hello { cluster: who.cluster(), node: who.node() };
    let known = shared.outside.ask(address, hello, HELLO).await;
    let known = known.map_err(|error| {
        LogError::Refused(format!("no replica answers at {address}: {error}; is that master running?"))
    })?;
    Ok((known.cluster, known.node))
}

async fn learn<M: Machine>(
    shared: &Shared<M>,
    cluster: ClusterId,
    address: SocketAddr,
    (theirs, node): (Option<ClusterId>, NodeId),
) -> Result<(), LogError> {
    let consensus = &shared.running()?.consensus;
    if theirs.is_some_and(|theirs| theirs != cluster) {
        return Err(LogError::Refused(format!(
            "the replica at {address} belongs to another cluster: to take it in, stop it and start it with an empty --work_dir"
        )));
    }
    if let Some(known) = consensus.standing().members.get(node) {
        return if known.address == address {
            Ok(())
        } else {
            moved(shared, node, known.address, address).await
        };
    }
    tracing::info!(%node, %address, "a replica joins");
    in_turn(shared, || consensus.add_learner(node, Member { address })).await
}

/// One change after another: while one is under way, the next waits for it.
async fn in_turn<M: Machine, F>(shared: &Shared<M>, change: impl Fn() -> F) -> Result<(), LogError>
where
    F: Future<Output = Result<(), LogError>>,
{
    let until = shared.runtime.elapsed() + shared.config.patience;
    loop {
        match change().await {
            Err(LogError::TooBusy { retry }) if shared.runtime.elapsed() < until => {
                shared.runtime.sleep(retry).await;
            }
            done => return done,
        }
    }
}

/// A member answers at another address than it did: it is reached there from now on.
///
/// Errors: when it still answers at the old one, so that there are two of it.
async fn moved<M: Machine>(
    shared: &Shared<M>,
    node: NodeId,
    from: SocketAddr,
    to: SocketAddr,
) -> Result<(), LogError> {
    if who_is_at(shared, from).await.is_ok_and(|(_, other)| other == node) {
        return Err(LogError::Refused(twice(node, from, to)));
    }
    tracing::info!(%node, %from, %to, "a replica has moved");
    shared.running()?.consensus.set_address(node, Member { address: to }).await
}

fn twice(node: NodeId, one: SocketAddr, other: SocketAddr) -> String {
    format!(
        "the replicas at {one} and {other} are both {node}: one of the directories is a copy; stop one of them, and start it \
         with an empty --work_dir"
    )
}

/// Sees to it that the members say where this replica is reached. Gives up, for good, if another is it too.
pub(crate) async fn stay_reached<M: Machine>(host: Arc<Host<M>>) {
    let here = host.runtime().address();
    let me = host.who().node();
    loop {
        let standing = host.consensus().standing();
        if standing.stopped.is_some() {
            return;
        }
        let known = standing.members.get(me).map(|member| member.address);
        if let Some(known) = known.filter(|known| *known != here) {
            if who_is_at(&host.shared, known).await.is_ok_and(|(_, other)| other == me) {
                let why = twice(me, known, here);
                tracing::error!(why, "this replica takes no part");
                return host.give_up(&why).await;
            }
            let told = match standing.reign {
                Some(_) => host
                    .consensus()
                    .set_address(me, Member { address: here })
                    .await
                    .map_err(|e| e.to_string()),
                None => tell(&host, &standing).await,
            };
            match told {
                Ok(()) => tracing::info!(from = %known, to = %here, "this replica has moved"),
                Err(why) => tracing::info!(why, "the others do not know yet where this replica is"),
            }
        }
        sleep(LOOK * 3).await;
    }
}

/// Tells the leader, whoever knows it, where this replica is.
async fn tell<M: Machine>(host: &Host<M>, standing: &Standing) -> Result<(), String> {
    let me = host.who().node();
    let others =
        standing.members.voters.iter().filter(|(node, _)| **node != me).map(|(_, member)| member.address);
    let told =
        host.shared.config.masters.iter().copied().filter(|address| *address != host.runtime().address());
    let mut why = "there is nobody to tell".to_owned();
    for at in others.chain(told).collect::<BTreeSet<_>>() {
        match bootstrap::join(host, at).await {
            Ok(()) => return Ok(()),
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// Makes learners voters, once they are near. One that comes at the address of another comes in its place.
pub(crate) async fn promote<M: Machine>(host: Arc<Host<M>>) {
    loop {
        sleep(LOOK).await;
        let standing = host.consensus().standing();
        if standing.stopped.is_some() {
            return;
        }
        let now = host.runtime().elapsed();
        let Some(node) = ready(&standing, now, host.shared.config.timing.election.1) else { continue };
        let instead = twins(&standing.members, node);
        match host.consensus().promote(node, instead.clone()).await {
            Ok(()) => tracing::info!(%node, ?instead, "a replica votes"),
            Err(error) => tracing::info!(%node, %error, "a replica does not vote yet"),
        }
    }
}

/// A learner that was heard lately and is near the end of the log.
fn ready(standing: &Standing, now: Duration, lately: Duration) -> Option<NodeId> {
    standing.reign?;
    let mut learners = standing.members.learners.keys().copied();
    learners.find(|node| {
        standing.replicas.get(node).is_some_and(|(last, heard)| {
            let near = last + NEAR >= standing.last && *last > 0;
            near && heard.is_some_and(|at| now.saturating_sub(at) <= lately)
        })
    })
}

/// Those at the same address: they are gone, or the newcomer could not be there.
fn twins(members: &Members, node: NodeId) -> BTreeSet<NodeId> {
    let Some(address) = members.get(node).map(|member| member.address) else { return BTreeSet::new() };
    let voters = members.voters.iter().filter(|(other, member)| **other != node && member.address == address);
    voters.map(|(other, _)| *other).collect()
}

/// Takes a node out.
///
/// Errors: when what is left could not decide anything, unless it is `forced`.
pub(crate) async fn remove<M: Machine>(
    shared: &Shared<M>,
    node: NodeId,
    forced: bool,
) -> Result<Members, LogError> {
    let (standing, _) = leads(shared)?;
    if standing.members.get(node).is_none() {
        return Err(LogError::Refused(format!("no member is {node}")));
    }
    let running = shared.running()?;
    let me = running.who.node();
    let left: Vec<NodeId> = standing.members.voters.keys().copied().filter(|voter| *voter != node).collect();
    let lately = shared.config.timing.election.1;
    let living = || {
        let (standing, now) = (running.consensus.standing(), shared.runtime.elapsed());
        let heard = |voter: &NodeId| standing.replicas.get(voter).and_then(|(_, heard)| *heard);
        let lives = |voter: &NodeId| heard(voter).is_some_and(|at| now.saturating_sub(at) <= lately);
        left.iter().filter(|voter| **voter == me || lives(voter)).count()
    };
    // One that has just begun to lead has heard from few yet.
    let until = shared.runtime.elapsed() + lately * 3;
    while living() * 2 <= left.len() && !forced && shared.runtime.elapsed() < until {
        shared.runtime.sleep(LOOK).await;
    }
    let living = living();
    if left.is_empty() || (living * 2 <= left.len() && !forced) {
        let (living, left) = (living, left.len());
        return Err(LogError::Refused(format!(
            "without {node}, only {living} of the {left} voters left would answer, and no majority could decide anything: start \
             the others again first, or force it"
        )));
    }
    in_turn(shared, || running.consensus.remove(node)).await?;
    Ok(running.consensus.standing().members)
}

/// Hands the lead over, to the voter that is nearest if none is named.
///
/// From here on this replica holds no lease in its reign: were the successor slow, the two would hold one each. If it
/// is not elected in time, this one begins a reign anew.
pub(crate) async fn transfer<M: Machine>(shared: &Shared<M>, to: Option<NodeId>) -> Result<(), LogError> {
    let (standing, _) = leads(shared)?;
    let running = shared.running()?;
    let me = running.who.node();
    let others = standing.members.voters.keys().filter(|node| **node != me);
    let nearest = others.max_by_key(|node| standing.replicas.get(node).copied());
    let to = match to {
        Some(to) if standing.members.voters.contains_key(&to) => to,
        Some(to) => return Err(LogError::Refused(format!("no voter is {to}"))),
        None => *nearest.ok_or_else(|| LogError::Refused("there is no other voter".to_owned()))?,
    };
    if to == me {
        return Ok(());
    }
    *shared.offered.lock() = standing.reign;
    shared.lease.revoke();
    running.consensus.transfer_to(to).await?;
    let until = shared.runtime.elapsed() + TRANSFER;
    while running.consensus.standing().reign == standing.reign {
        if shared.runtime.elapsed() >= until {
            running.consensus.elect().await?;
            return Err(LogError::Refused(format!("{to} was not elected in time")));
        }
        shared.runtime.sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Where consensus stands and which cluster it is, on the leader.
fn leads<M: Machine>(shared: &Shared<M>) -> Result<(Standing, ClusterId), LogError> {
    let running = shared.running()?;
    let standing = running.consensus.standing();
    match (standing.reign, running.who.cluster()) {
        (Some(_), Some(cluster)) => Ok((standing, cluster)),
        _ => {
            let leader = standing.leader.and_then(|leader| standing.members.get(leader));
            Err(LogError::NotLeader { hint: leader.map(|member| member.address) })
        }
    }
}
