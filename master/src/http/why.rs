//! `/api/v1/why`: why a framework, or who is in a role, is offered no more.
//!
//! | parameter | is |
//! |---|---|
//! | `framework` | the id of a framework, or its name if no other has it |
//! | `role` | instead: everybody in exactly this role |
//! | `resources` | what an offer should hold at least, as in `cpus:2%3Bmem:64`; any offer, if not said |
//!
//! ```json
//! {"agents": 3, "paused": false, "answers": [{
//!   "framework_id": "…", "name": "web", "role": "web", "looked_at": 3,
//!   "reasons": [{"reason": "filter", "agents": 2, "what": "…"}, {"reason": "in_use", "agents": 1, "what": "…"}],
//!   "help": {"change": "wait 3.2 s for the first filter to end, or …", "agents": 2}
//! }]}
//! ```
//! Ours alone. The allocator is asked, not the master; it answers in bounded time from its books.

use std::sync::Arc;

use libprocess::Doors;
use libprocess::http::{Query, Request, Response, Route, StatusCode};
use model::{FrameworkId, Resources, Role, brief};
use serde_json::{Value, json};

use super::classic::ANSWER_WITHIN;
use super::readers::Readers;
use super::realms::READ_ONLY;
use crate::Master;
use crate::allocator;
use crate::allocator::why::{Answer, Question, Reason, Subject, Why};
use crate::authorization::Sight;
use crate::state::Snapshot;

/// Opens the route.
pub(crate) fn doors(doors: &mut Doors<Master>, readers: &Arc<Readers>) {
    let readers = readers.clone();
    let route = Route::get("/api/v1/why")
        .help("Why a framework is offered no more, counted by reason, and what would help.")
        .parameter("framework", "Its id, or its name if no other has it.")
        .parameter("role", "Instead: everybody in this role.")
        .parameter("resources", "What an offer should hold at least.");
    doors.route(route.realm(READ_ONLY), move |request, _| {
        let readers = readers.clone();
        async move { answer(&request, &readers).await.unwrap_or_else(|refused| refused) }
    });
}

async fn answer(request: &Request, readers: &Readers) -> Result<Response, Response> {
    let rights = readers.rights(request);
    let seen = readers.seen(&rights);
    let question = question(&request.query, &seen).map_err(Response::bad_request)?;
    let shown = match &question.subject {
        Subject::Framework(id) => rights.are_unlimited() || seen.frameworks.contains_key(id),
        Subject::Role(role) => Sight(&rights).role(role),
    };
    if !shown {
        return Err(Response::text(StatusCode::NOT_FOUND, unknown(&question.subject)));
    }
    let Some(allocator) = readers.allocator.load_full() else {
        return Err(Response::text(StatusCode::SERVICE_UNAVAILABLE, "The allocator has not started"));
    };
    let subject = question.subject.clone();
    let asked =
        allocator.call(ANSWER_WITHIN, |reply| allocator::Input::Why { question: Box::new(question), reply });
    match asked.await {
        Ok(Some(why)) => Ok(Response::json(write(&why, &readers.published.load()).to_string())),
        Ok(None) => Err(Response::text(StatusCode::NOT_FOUND, unknown(&subject))),
        Err(error) => {
            let text = format!("The allocator does not answer: {error}");
            Err(Response::text(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}

fn question(query: &Query, snapshot: &Snapshot) -> Result<Question, String> {
    let subject = match (query.get("framework"), query.get("role")) {
        (Some(name), None) => Subject::Framework(framework(name, snapshot)?),
        (None, Some(role)) => Subject::Role(Role::from(role)),
        _ => return Err("Expecting either 'framework' or 'role' as a query parameter".to_owned()),
    };
    let wants = match query.get("resources") {
        None | Some("") => Resources::new(),
        Some(text) => {
            text.parse().map_err(|error| format!("Invalid query parameter 'resources': {error}"))?
        }
    };
    Ok(Question { subject, wants })
}

/// A framework by its id, or by its name.
fn framework(name: &str, snapshot: &Snapshot) -> Result<FrameworkId, String> {
    let id = FrameworkId::from(name);
    if snapshot.frameworks.contains_key(&id) {
        return Ok(id);
    }
    let named = snapshot.frameworks.values().filter(|framework| framework.info.name == name);
    let ids: Vec<&FrameworkId> = named.map(|framework| &framework.id).collect();
    match ids[..] {
        [] => Ok(id),
        [one] => Ok(one.clone()),
        _ => {
            let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
            Err(format!("Several frameworks are named '{}'; say which: {}", brief(name), ids.join(", ")))
        }
    }
}

fn unknown(subject: &Subject) -> String {
    match subject {
        Subject::Framework(id) => {
            let id = brief(id.as_str());
            format!("No framework '{id}' is subscribed, or this allocator does not say why")
        }
        Subject::Role(role) => {
            format!("Nobody is in role '{}', or this allocator does not say why", brief(role.as_str()))
        }
    }
}

fn write(why: &Why, snapshot: &Snapshot) -> Value {
    let away = away(snapshot);
    let answer = |answer: &Answer| {
        let reason = |(reason, agents): (&Reason, &usize)| {
            let what = match reason {
                Reason::Inactive => format!("{reason}{away}"),
                reason => reason.to_string(),
            };
            json!({"reason": reason.name(), "agents": agents, "what": what})
        };
        let name = snapshot.frameworks.get(&answer.framework).map(|framework| framework.info.name.as_str());
        let help = answer.help().map(|(change, agents)| json!({"change": change, "agents": agents}));
        json!({
            "framework_id": answer.framework.as_str(),
            "name": name,
            "role": answer.role.as_str(),
            "looked_at": answer.looked_at,
            "reasons": answer.reasons.iter().map(reason).collect::<Vec<_>>(),
            "help": help,
        })
    };
    json!({
        "agents": why.agents,
        "paused": why.paused,
        "answers": why.answers.iter().map(answer).collect::<Vec<_>>(),
    })
}

/// How agents are away, over the whole cluster.
fn away(snapshot: &Snapshot) -> String {
    let policy = &snapshot.policy;
    let (mut draining, mut deactivated, mut disconnected) = (0, 0, 0);
    for agent in snapshot.agents.values().filter(|agent| !snapshot.active(agent)) {
        match () {
            () if policy.drains.contains_key(&agent.id) => draining += 1,
            () if policy.deactivated.contains(&agent.id) => deactivated += 1,
            () => disconnected += 1,
        }
    }
    format!(": {draining} draining or drained, {deactivated} deactivated, {disconnected} disconnected")
}
