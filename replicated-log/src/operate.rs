//! What operators ask of a replica over HTTP, under the name of its process:
//!
//! | path              | answers                                                                       | whom to ask |
//! |-------------------|-------------------------------------------------------------------------------|-------------|
//! | `GET /status`     | JSON: who it is, who leads, positions, members, lag, flush times, disk        | each replica, also without a quorum |
//! | `GET /entries`    | JSON: what stands in its log from `from` to `to`                              | any         |
//! | `GET /backup`     | the bytes of a backup of what it has applied                                  | any         |
//! | `POST /add`       | takes the new replica at `address` in                                         | the leader; others redirect |
//! | `POST /remove`    | takes `node` (an id, or an address) out; `force=true` also if few are left    | the leader  |
//! | `POST /transfer`  | hands the lead over, to `to` (an id, or an address) if one is named           | the leader  |
//! | `POST /snapshot`  | begins a snapshot                                                             | each replica |

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};

use libprocess::Doors;
use libprocess::http::{Query, Request, Response, Route, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::actor::Door;
use crate::raft::payload::described;
use crate::shared::Shared;
use crate::{LeaderState, LogError, Machine, Members, NodeId, Phase, Realms, Status, backup, membership};

/// The largest form read. Unit: bytes.
const FORM_MAX: usize = 64 << 10;
/// How many entries one answer holds at most.
const ENTRIES_MAX: u64 = 1000;

/// A replica, once it is there and as long as it is.
pub(crate) type Later<M> = Arc<OnceLock<Weak<Shared<M>>>>;

/// Opens the routes.
pub(crate) fn doors<M: Machine>(doors: &mut Doors<Door>, replica: &Later<M>, realms: Option<Realms>) {
    let read = |route: Route| match realms {
        Some(realms) => route.realm(realms.read),
        None => route,
    };
    let change = |route: Route| match realms {
        Some(realms) => route.realm(realms.change),
        None => route,
    };
    let route = read(Route::get("/status").help("How this replica does."));
    open(doors, replica, route, |shared, _| async move { Ok(Response::json(status(&shared).to_string())) });
    let entries = Route::get("/entries")
        .help("What stands in the log, as far as this replica keeps it.")
        .parameter("from", "The first position; the oldest if not said.")
        .parameter("to", "The last position; the newest if not said.");
    open(doors, replica, read(entries), |shared, request| async move {
        entries_of(&shared, &request.query).await
    });
    let route = change(Route::get("/backup").help("A backup of what this replica has applied."));
    open(doors, replica, route, |shared, _| async move {
        let (position, bytes) = backup::bytes(&shared).await?;
        let answer = Response::ok().header("content-type", "application/octet-stream").body(bytes);
        Ok(answer.header("x-log-position", position.index().to_string()))
    });
    let add = Route::post("/add")
        .help("Takes the new replica at an address in.")
        .parameter("address", "host:port.");
    open(doors, replica, change(add), |shared, request| async move {
        let form = form(request).await?;
        let address = form.get("address").and_then(|text| text.parse().ok());
        let address =
            address.ok_or_else(|| LogError::Refused("address: missing, or not IP:PORT".to_owned()))?;
        Ok(members(&membership::add(&shared, address).await?))
    });
    let remove = Route::post("/remove")
        .help("Takes a replica out.")
        .parameter("node", "Its id or its address.")
        .parameter("force", "`true`: also if the replicas that are left could not decide anything.");
    open(doors, replica, change(remove), |shared, request| async move {
        let form = form(request).await?;
        let node = member(&shared, form.get("node").unwrap_or_default())?;
        if node == shared.running()?.who.node() && voters(&shared)? > 1 {
            // Another leads first, so that nobody waits for an election; it is asked then.
            membership::transfer(&shared, None).await?;
            return Err(LogError::NotLeader { hint: successor(&shared).await });
        }
        Ok(members(&membership::remove(&shared, node, form.get("force") == Some("true")).await?))
    });
    let transfer = Route::post("/transfer")
        .help("Hands the lead over.")
        .parameter("to", "The id or address of a voter.");
    open(doors, replica, change(transfer), |shared, request| async move {
        let form = form(request).await?;
        let to = form.get("to").filter(|to| !to.is_empty()).map(|to| member(&shared, to)).transpose()?;
        membership::transfer(&shared, to).await?;
        let leader = successor(&shared).await;
        Ok(Response::json(json!({ "leader": leader.map(|leader| leader.to_string()) }).to_string()))
    });
    let snapshot = change(Route::post("/snapshot").help("Begins a snapshot."));
    open(doors, replica, snapshot, |shared, _| async move {
        shared.running()?.consensus.snapshot().await?;
        Ok(Response::accepted())
    });
}

fn open<M: Machine, R>(
    doors: &mut Doors<Door>,
    replica: &Later<M>,
    route: Route,
    answer: impl Fn(Arc<Shared<M>>, Request) -> R + Clone + Send + Sync + 'static,
) where
    R: Future<Output = Result<Response, LogError>> + 'static,
{
    let replica = replica.clone();
    doors.route(route, move |request, _| {
        let (shared, answer) = (replica.get().and_then(Weak::upgrade), answer.clone());
        async move {
            let Some(shared) = shared else {
                return Response::text(StatusCode::SERVICE_UNAVAILABLE, "the replica is not there yet");
            };
            let target = request.target().to_owned();
            let result = answer(shared, request).await;
            result.unwrap_or_else(|error| refusal(&error, &target))
        }
    });
}

/// An error, with what to do about it.
fn refusal(error: &LogError, target: &str) -> Response {
    let later = StatusCode::SERVICE_UNAVAILABLE;
    match error {
        LogError::NotLeader { hint: Some(leader) } => Response::redirect(format!("//{leader}{target}")),
        LogError::NotLeader { hint: None } => Response::text(
            later,
            "no replica leads just now; if none does for long, `hectare log status` shows which cannot be reached",
        ),
        LogError::NoQuorum { .. } => Response::text(
            later,
            format!("{error}: start the others again; `hectare log status` shows which are missing"),
        ),
        LogError::TooBusy { .. } | LogError::Stopped(_) | LogError::Demoted(_) => {
            Response::text(later, error.to_string())
        }
        LogError::Unknown => Response::text(
            StatusCode::GATEWAY_TIMEOUT,
            "the outcome is unknown: `hectare log members` shows whether it was done",
        ),
        LogError::Refused(why) => Response::text(StatusCode::CONFLICT, why.clone()),
    }
}

async fn form(mut request: Request) -> Result<Query, LogError> {
    let body = request.bytes(FORM_MAX).await.map_err(|error| LogError::Refused(error.to_string()))?;
    Ok(Query::parse(&String::from_utf8_lossy(&body)))
}

/// The member an operator means, by its id or its address.
fn member<M: Machine>(shared: &Shared<M>, text: &str) -> Result<NodeId, LogError> {
    let members = shared.running()?.consensus.standing().members;
    let by_address = text.parse::<SocketAddr>().ok().and_then(|address| members.at(address));
    let by_id = u64::from_str_radix(text, 16).ok().map(NodeId).filter(|node| members.get(*node).is_some());
    by_address.or(by_id).ok_or_else(|| {
        LogError::Refused(format!(
            "no member is {text:?}: name its address or its id, as `hectare log members` shows them"
        ))
    })
}

fn voters<M: Machine>(shared: &Shared<M>) -> Result<usize, LogError> {
    Ok(shared.running()?.consensus.standing().members.voters.len())
}

/// Who leads after this replica has handed the lead over, as soon as that is known here.
async fn successor<M: Machine>(shared: &Shared<M>) -> Option<SocketAddr> {
    let mut leadership = shared.leadership.watch();
    // With the lead goes the lease; that it leads no more is said a moment later.
    let known = |state: &LeaderState| match state {
        LeaderState::Follower { leader } => leader.is_some(),
        LeaderState::Leading(epoch) => shared.lease.epoch() == *epoch,
        _ => false,
    };
    let follows = Box::pin(leadership.until(known));
    match futures_util::future::select(follows, shared.runtime.sleep(shared.config.patience)).await {
        futures_util::future::Either::Left((Ok(LeaderState::Follower { leader }), _)) => {
            leader.map(|(_, at)| at)
        }
        futures_util::future::Either::Left((Ok(LeaderState::Leading(_)), _)) => {
            Some(shared.runtime.address())
        }
        _ => None,
    }
}

async fn entries_of<M: Machine>(shared: &Arc<Shared<M>>, query: &Query) -> Result<Response, LogError> {
    let number = |name: &str, otherwise: u64| match query.get(name).filter(|text| !text.is_empty()) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| LogError::Refused(format!("{name}: {text:?} is no position"))),
    };
    let status = shared.status.get().clone();
    let (from, to) = (number("from", 0)?, number("to", status.last)?.min(status.last));
    let (tell, told) = oneshot::channel();
    let inside = shared.clone();
    shared.runtime.environment().spawner.blocking(Box::new(move || {
        let read = inside.running().and_then(|running| {
            running.log.entries(from..=to).map_err(|error| LogError::Stopped(error.to_string()))
        });
        let _ = tell.send(read);
    }));
    let read = told.await.map_err(|_| LogError::Stopped("the replica has stopped".to_owned()))??;
    let entries = read.into_iter().take(ENTRIES_MAX as usize).map(|entry| {
        let entry = described::<M>(entry);
        let state = if entry.index <= status.committed { "committed" } else { "uncommitted" };
        json!({ "index": entry.index, "term": entry.term, "kind": entry.kind, "what": entry.what, "state": state })
    });
    let entries: Vec<Value> = entries.collect();
    Ok(Response::json(
        json!({ "entries": entries, "last": status.last, "committed": status.committed }).to_string(),
    ))
}

fn members(members: &Members) -> Response {
    Response::json(json!({ "members": list(members, &[]), "changing": members.changing }).to_string())
}

/// Shape: a list of members, each with what is known of its lag.
fn list(members: &Members, lag: &[(NodeId, u64)]) -> Value {
    let one = |node: &NodeId, address: SocketAddr, role: &str| {
        let behind = lag.iter().find(|(other, _)| other == node).map(|(_, behind)| *behind);
        json!({ "node": node.to_string(), "address": address.to_string(), "role": role, "lag": behind })
    };
    let voters = members.voters.iter().map(|(node, member)| one(node, member.address, "voter"));
    let learners = members.learners.iter().map(|(node, member)| one(node, member.address, "learner"));
    voters.chain(learners).collect()
}

/// How a replica does, in JSON.
pub(crate) fn status<M: Machine>(shared: &Shared<M>) -> Value {
    let status = shared.status.get().clone();
    let leading = *shared.leadership.get() == LeaderState::Leading(shared.lease.epoch());
    let leader = status.leader.and_then(|leader| Some((leader, status.members.get(leader)?.address)));
    let epoch = shared.applied.read().leader().map(|leader| leader.epoch.to_string());
    let millis = |duration: std::time::Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
    let Status { flushes, .. } = status;
    let (phase, detail) = phase(&status.phase);
    json!({
        "cluster": status.cluster.map(|cluster| cluster.to_string()),
        "node": status.node.map(|node| node.to_string()),
        "address": shared.runtime.address().to_string(),
        "phase": phase,
        "detail": detail,
        "leads": leading,
        "leader": leader.map(|(node, address)| json!({ "node": node.to_string(), "address": address.to_string() })),
        "epoch": epoch.and_then(|epoch| epoch.parse::<u64>().ok()),
        "term": status.term,
        "last": status.last,
        "committed": status.committed,
        "applied": status.applied,
        "snapshot": status.snapshot,
        "purged": status.purged,
        "staleness_ms": shared.staleness().map(millis),
        "members": list(&status.members, &status.lag),
        "changing": status.members.changing,
        "flushes": {
            "count": flushes.count,
            "p50_ms": millis(flushes.p50),
            "p99_ms": millis(flushes.p99),
            "max_ms": millis(flushes.max),
        },
        "disk": disk(shared),
    })
}

fn phase(phase: &Phase) -> (&'static str, String) {
    match phase {
        Phase::Recovering => ("recovering", String::new()),
        Phase::Waiting(why) => ("waiting", why.clone()),
        Phase::Learner => ("learner", String::new()),
        Phase::Voting => ("voting", String::new()),
        Phase::NoQuorum { reachable, voters } => {
            ("no quorum", format!("{reachable} of {voters} voters are reached"))
        }
        Phase::Removed => ("removed", "it was taken out of its cluster: stop it".to_owned()),
        Phase::Damaged(why) => ("damaged", why.clone()),
    }
}

/// What the files take, and what is left for them. Unit: bytes.
fn disk<M: Machine>(shared: &Shared<M>) -> Value {
    let dir = &shared.config.dir;
    let storage = &shared.runtime.environment().storage;
    let size = |path: &std::path::Path| {
        let file = storage.open(path, libprocess::environment::Open::Read);
        file.and_then(|file| file.len()).unwrap_or(0)
    };
    let used: u64 = ["wal", "snap"]
        .into_iter()
        .map(|part| dir.join(part))
        .flat_map(|part| storage.list(&part).unwrap_or_default().into_iter().map(move |name| part.join(name)))
        .map(|path| size(&path))
        .sum();
    let free = shared.runtime.is_real().then(|| nix::sys::statvfs::statvfs(dir).ok()).flatten();
    let free = free.map(|disk| disk.blocks_available() * disk.fragment_size());
    json!({ "dir": dir.display().to_string(), "used_bytes": used, "free_bytes": free })
}
