//! The read endpoints that are older than the v1 API, `/state` and its kin, and `/teardown`.
//!
//! Every answer is made from the published snapshot, at the edge, in the shape tools know; any method is
//! welcome, as it was in the original.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use api::classic::task::TaskQuery;
use api::classic::{self, Build};
use libprocess::http::{Body, Query, Request, Response, Route, StatusCode, header};
use libprocess::{AskError, Doors, Edge};
use model::{AgentId, AgentInfo, FrameworkId, TaskId};

use security::{Action, Object, Rights};

use super::error::Rejected;
use super::readers::Readers;
use super::realms::{READ_ONLY, READ_WRITE};
use crate::Master;
use crate::authorization::{Sight, allow, allow_any, of_framework};
use crate::messages::{Asker, Input};
use crate::state::{Agent, Snapshot};
use crate::views::{agents, frameworks, maintenance, master, roles, state, tasks};

/// The largest form read. Unit: bytes.
const FORM_MAX: usize = 1 << 20;

/// How long the master may take to hear a request before its asker is told to try again.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Opens the routes.
pub(crate) fn doors(doors: &mut Doors<Master>, readers: &Arc<Readers>) {
    let large = readers.clone();
    let state = Route::any("/state").help("Everything this master knows.").realm(READ_ONLY);
    doors.route(state, move |request: Request, _| {
        let asked = Asked { readers: &large, rights: large.rights(&request) };
        let snapshot = large.seen(&asked.rights);
        let body = || state::classic(snapshot.clone(), &large.pid, asked.flags());
        ready(unless_known(&request, &asked.rights, &snapshot, body))
    });
    let mut read = |route: Route, body: fn(&Asked<'_>, &Snapshot, &Query) -> Vec<u8>| {
        let readers = readers.clone();
        doors.route(route.realm(READ_ONLY), move |request: Request, _| {
            let asked = Asked { readers: &readers, rights: readers.rights(&request) };
            let snapshot = readers.seen(&asked.rights);
            let body = || body(&asked, &snapshot, &request.query).into();
            ready(unless_known(&request, &asked.rights, &snapshot, body))
        });
    };
    read(
        Route::any("/state-summary").help("Agents and frameworks, with counts instead of tasks."),
        |asked, snapshot, _| {
            let pid = &asked.readers.pid;
            classic::master::state_summary(&master::classic(snapshot, pid, asked.flags()))
        },
    );
    let slave = Route::any("/slaves").help("Agents.").parameter("slave_id", "Only this one.");
    read(slave, |_, snapshot, query| slaves(snapshot, query));
    let framework = Route::any("/frameworks").help("Frameworks.").parameter("framework_id", "Only this one.");
    read(framework, |_, snapshot, query| {
        let only = query.get("framework_id").map(FrameworkId::from);
        let [running, completed] = frameworks::classics(snapshot, only.as_ref());
        classic::master::frameworks(&running, &completed)
    });
    let page = Route::any("/tasks")
        .help("Tasks, page by page.")
        .parameter("limit", "How many at most; 100 if not said, -1 for all.")
        .parameter("offset", "How many are passed over.")
        .parameter("order", "By the time of the latest status: `asc`, or `desc` if not said.")
        .parameter("framework_id", "Only of this framework.")
        .parameter("task_id", "Only this one.");
    read(page, |_, snapshot, query| {
        let query = TaskQuery::read(|name| query.get(name));
        classic::task::tasks(tasks::asked_for(snapshot, &query), &query)
    });
    read(Route::any("/roles").help("Roles with weight, quota and what they hold."), |asked, snapshot, _| {
        roles::Roles::seen(snapshot, Sight(&asked.rights)).classic()
    });
    read(
        Route::any("/maintenance/status").help("Machines that are about to go, or down."),
        |asked, snapshot, _| {
            let all = asked.rights.may(Action::GetMaintenanceStatus, Object::ANY);
            api::json::to_vec(&if all { maintenance::status(snapshot) } else { Default::default() })
        },
    );
    let shared = readers.clone();
    let flags = Route::any("/flags").help("How this master was started.").realm(READ_ONLY);
    doors.route(flags, move |request: Request, _| {
        ready(match allow_any(&shared.rights(&request), Action::ViewFlags) {
            Ok(()) => Response::json(classic::flags(&shared.config.flags)),
            Err(refused) => Response::text(refused.status(), refused.to_string()),
        })
    });
    doors.route(Route::any("/version").help("What runs here."), |_, _| {
        ready(Response::json(classic::version(&Build::OURS)))
    });
    doors.route(Route::any("/health").help("200 while this master answers."), |_, _| healthy());
    let end = Route::post("/teardown").help("Ends a framework; the parameter comes in the body.");
    let shared = readers.clone();
    doors.route(end.parameter("frameworkId", "Which.").realm(READ_WRITE), move |request, edge| {
        teardown(request, edge, shared.clone())
    });
    let kill = Route::post("/kill-task")
        .help("Kills a task, as its framework would; the parameters come in the body.")
        .parameter("frameworkId", "Whose.")
        .parameter("taskId", "Which.");
    let shared = readers.clone();
    doors.route(kill.realm(READ_WRITE), move |request, edge| kill_task(request, edge, shared.clone()));
}

/// Who reads, and what.
struct Asked<'a> {
    readers: &'a Readers,
    rights: Rights,
}

impl Asked<'_> {
    /// The flags, for those who may see them.
    fn flags(&self) -> Option<&BTreeMap<String, String>> {
        self.rights.may(Action::ViewFlags, Object::ANY).then_some(&self.readers.config.flags)
    }
}

/// What was asked for, unless the asker has it already: every answer bears the snapshot's mark, and whoever shows it again
/// while it still stands is told so.
///
/// Source: RFC 9110, "Conditional requests".
fn unless_known(
    request: &Request,
    rights: &Rights,
    snapshot: &Snapshot,
    body: impl FnOnce() -> Body,
) -> Response {
    if !rights.are_unlimited() {
        // The mark says nothing of what its reader may see, which can change while the snapshot stands.
        return Response::json(body());
    }
    let mark = snapshot.mark();
    let shown = request.text_of(header::IF_NONE_MATCH).unwrap_or_default();
    let known = shown.split(',').map(str::trim).any(|shown| shown == "*" || shown == mark);
    let response = match known {
        true => Response::new(StatusCode::NOT_MODIFIED),
        false => Response::json(body()),
    };
    response.header(header::ETAG, mark)
}

fn healthy() -> Ready<Response> {
    ready(Response::ok())
}

fn slaves(snapshot: &Snapshot, query: &Query) -> Vec<u8> {
    let only = query.get("slave_id").map(AgentId::from);
    let registered: Vec<&Arc<Agent>> = match &only {
        None => snapshot.agents.values().collect(),
        Some(id) => snapshot.agents.get(id).into_iter().collect(),
    };
    let registered: Vec<_> = registered.iter().map(|agent| agents::shown(snapshot, agent)).collect();
    let recovered: Vec<&AgentInfo> = match &only {
        None => agents::recovered(snapshot).collect(),
        Some(id) => snapshot.recovered.get(id).map(|info| &**info).into_iter().collect(),
    };
    classic::master::slaves(&registered, &recovered)
}

/// Source: Mesos master endpoints.
async fn teardown(request: Request, edge: Edge<Master>, readers: Arc<Readers>) -> Response {
    let rights = readers.rights(&request);
    match form(request, ["frameworkId"]).await {
        Ok([framework]) => {
            end_framework(FrameworkId::from(framework.as_str()), &rights, &readers, &edge).await
        }
        Err(refused) => refused,
    }
}

/// Ours alone: the original has no way for an operator to end one task.
async fn kill_task(request: Request, edge: Edge<Master>, readers: Arc<Readers>) -> Response {
    let rights = readers.rights(&request);
    let [framework, task] = match form(request, ["frameworkId", "taskId"]).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let framework = FrameworkId::from(framework.as_str());
    if let Err(refused) = allow(&rights, [of_framework(&readers.published.load(), &framework)]) {
        return answered(Ok(Err(refused)), Response::ok());
    }
    let input =
        |reply| Input::KillTask { framework, task: TaskId::from(task.as_str()), asker: Asker::new(reply) };
    answered(edge.pid.call(ANSWER_WITHIN, input).await, Response::accepted())
}

/// The fields of a form, or a 400 that names the first one missing.
async fn form<const N: usize>(request: Request, names: [&str; N]) -> Result<[String; N], Response> {
    let form = text_of_form(request).await?;
    let mut fields = [const { String::new() }; N];
    for (field, name) in fields.iter_mut().zip(names) {
        let missing =
            || Response::bad_request(format!("Missing '{name}' query parameter in the request body"));
        *field = form.get(name).ok_or_else(missing)?.to_owned();
    }
    Ok(fields)
}

/// What a form says.
pub(super) async fn text_of_form(mut request: Request) -> Result<Query, Response> {
    let body = request.bytes(FORM_MAX).await.map_err(|error| Response::bad_request(error.to_string()))?;
    Ok(Query::parse(&String::from_utf8_lossy(&body)))
}

/// Has the master end a framework, for somebody who may.
pub(super) async fn end_framework(
    framework: FrameworkId,
    rights: &Rights,
    readers: &Readers,
    edge: &Edge<Master>,
) -> Response {
    if let Err(refused) = allow(rights, [of_framework(&readers.published.load(), &framework)]) {
        return answered(Ok(Err(refused)), Response::ok());
    }
    let input = |reply| Input::Teardown { framework, asker: Asker::new(reply) };
    answered(edge.pid.call(ANSWER_WITHIN, input).await, Response::ok())
}

pub(super) fn answered(answer: Result<Result<(), Rejected>, AskError>, good: Response) -> Response {
    match answer {
        Ok(Ok(())) => good,
        Ok(Err(rejected)) => Response::text(rejected.status(), rejected.to_string()),
        Err(error) => {
            Response::text(StatusCode::SERVICE_UNAVAILABLE, format!("The master does not answer: {error}"))
        }
    }
}
