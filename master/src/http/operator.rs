//! `/api/v1`: the operator API. Questions are answered from the published snapshot; changes go to the master.
//!
//! Check order and texts: Mesos operator HTTP API.

use std::sync::Arc;
use std::time::Duration;

use api::classic::Build;
use api::content::{self, DecodeError, MediaError, MediaType};
use api::state;
use api::v1::master::call::{SetLoggingLevel, Type};
use api::v1::master::response::{self, Type as Answer};
use api::v1::master::{Call, Response as Message};
use api::v1::{Flag, Metric, VersionInfo};
use libprocess::http::{BodyError, Request, Response, Route, StatusCode, header};
use libprocess::{Doors, Edge, Runtime};

use security::{Action, Object, Rights};

use super::Rejected;
use super::classic::end_framework;
use super::files::Files;
use super::readers::Readers;
use super::realms::READ_WRITE;
use super::{commands, watcher};
use crate::Master;
use crate::authorization::{Sight, allow_any};
use crate::views::{answers, maintenance, master, operations, roles};

/// The largest body read. Unit: bytes.
const BODY_MAX: usize = 16 << 20;

/// Opens the route.
pub(crate) fn doors(doors: &mut Doors<Master>, readers: &Arc<Readers>) {
    let readers = readers.clone();
    let route = Route::post("/api/v1").help("Calls of operators, in JSON or protobuf.").realm(READ_WRITE);
    doors.route(route, move |request, edge| {
        let readers = readers.clone();
        async move { serve(request, edge, &readers).await.unwrap_or_else(Refusal::into_response) }
    });
}

/// Why a request is answered with an error.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error("{0}")]
    Body(#[from] BodyError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("Failed to validate master::Call: Expecting '{0}' to be present")]
    Missing(&'static str),
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error("The master does not answer: {0}")]
    Silent(#[from] libprocess::AskError),
    #[error("{}", .1)]
    Said(StatusCode, String),
}

impl Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Refusal::Media(error) => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
            Refusal::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Body(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Refusal::Body(_) | Refusal::Decode(_) | Refusal::Missing(_) => StatusCode::BAD_REQUEST,
            Refusal::Rejected(rejected) => rejected.status(),
            Refusal::Silent(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Said(status, _) => *status,
        };
        Response::text(status, self.to_string())
    }
}

async fn serve(mut request: Request, edge: Edge<Master>, readers: &Readers) -> Result<Response, Refusal> {
    if !readers.published.load().leading {
        return Err(Rejected::Recovering.into());
    }
    let media = MediaType::of_call(request.text_of(header::CONTENT_TYPE))?;
    let body = request.bytes(BODY_MAX).await?;
    let call: Call = content::decode_call(&body, media)?;
    let kind = validate(&call)?;
    let media = MediaType::of_answer(request.text_of(header::ACCEPT))?;
    let rights = readers.rights(&request);
    if let (Type::Teardown, Some(teardown)) = (kind, &call.teardown) {
        let framework = (teardown.framework_id.clone()).into();
        return Ok(end_framework(framework, &rights, readers, &edge).await);
    }
    if kind == Type::Subscribe {
        let ending =
            || Refusal::Said(StatusCode::SERVICE_UNAVAILABLE, "The master is shutting down".to_owned());
        return watcher::subscribe(media, rights, readers, &edge).ok_or_else(ending);
    }
    if let (Type::SetLoggingLevel, Some(asked)) = (kind, &call.set_logging_level) {
        allow_any(&rights, Action::SetLogLevel)?;
        return log_more(asked, &edge.runtime);
    }
    if let Some(asked) = commands::of_call(kind, &call) {
        let (wanted, good) = asked?;
        return Ok(commands::ask(wanted, &rights, good, &edge).await??);
    }
    if let Some(answer) = large(kind) {
        let body = answers::body(readers.seen(&rights), answer, media);
        return Ok(Response::ok().header(header::CONTENT_TYPE, media.as_str()).body(body));
    }
    if let Some(answer) = (Files { readers, rights: rights.clone() }).answer(kind, &call) {
        let answer = answer.map_err(|(status, why)| Refusal::Said(status, why))?;
        return Ok(said(&answer, media));
    }
    if kind == Type::GetFlags {
        allow_any(&rights, Action::ViewFlags)?;
    }
    match question(kind, &rights, readers, &edge) {
        Some(answer) => Ok(said(&answer, media)),
        None => {
            let why = format!("{} is not supported yet", kind.as_str_name());
            Err(Refusal::Said(StatusCode::NOT_IMPLEMENTED, why))
        }
    }
}

fn said(answer: &Message, media: MediaType) -> Response {
    Response::ok().header(header::CONTENT_TYPE, media.as_str()).body(content::encode(answer, media))
}

/// The call's type, if what it needs is there.
///
/// Errors: no type, or one this API does not know; the part of the call that belongs to the type is missing.
fn validate(call: &Call) -> Result<Type, Refusal> {
    let kind = call.r#type.and_then(|number| Type::try_from(number).ok()).ok_or(Refusal::Missing("type"))?;
    let (there, name) = match kind {
        Type::GetMetrics => (call.get_metrics.is_some(), "get_metrics"),
        Type::SetLoggingLevel => (call.set_logging_level.is_some(), "set_logging_level"),
        Type::ListFiles => (call.list_files.is_some(), "list_files"),
        Type::ReadFile => (call.read_file.is_some(), "read_file"),
        Type::UpdateWeights => (call.update_weights.is_some(), "update_weights"),
        Type::ReserveResources => (call.reserve_resources.is_some(), "reserve_resources"),
        Type::UnreserveResources => (call.unreserve_resources.is_some(), "unreserve_resources"),
        Type::CreateVolumes => (call.create_volumes.is_some(), "create_volumes"),
        Type::DestroyVolumes => (call.destroy_volumes.is_some(), "destroy_volumes"),
        Type::GrowVolume => (call.grow_volume.is_some(), "grow_volume"),
        Type::ShrinkVolume => (call.shrink_volume.is_some(), "shrink_volume"),
        Type::UpdateMaintenanceSchedule => {
            (call.update_maintenance_schedule.is_some(), "update_maintenance_schedule")
        }
        Type::StartMaintenance => (call.start_maintenance.is_some(), "start_maintenance"),
        Type::StopMaintenance => (call.stop_maintenance.is_some(), "stop_maintenance"),
        Type::DrainAgent => (call.drain_agent.is_some(), "drain_agent"),
        Type::DeactivateAgent => (call.deactivate_agent.is_some(), "deactivate_agent"),
        Type::ReactivateAgent => (call.reactivate_agent.is_some(), "reactivate_agent"),
        Type::UpdateQuota => (call.update_quota.is_some(), "update_quota"),
        Type::SetQuota => (call.set_quota.is_some(), "set_quota"),
        Type::RemoveQuota => (call.remove_quota.is_some(), "remove_quota"),
        Type::Teardown => (call.teardown.is_some(), "teardown"),
        Type::MarkAgentGone => (call.mark_agent_gone.is_some(), "mark_agent_gone"),
        _ => (true, ""),
    };
    there.then_some(kind).ok_or(Refusal::Missing(name))
}

/// Logs more for a while.
fn log_more(asked: &SetLoggingLevel, runtime: &Runtime) -> Result<Response, Refusal> {
    let bad = || {
        Refusal::Said(StatusCode::BAD_REQUEST, "set_logging_level.duration: must not be negative".to_owned())
    };
    let within = u64::try_from(asked.duration.nanoseconds).map_err(|_| bad())?;
    let raised = runtime.log_more(asked.level, Duration::from_nanos(within));
    raised.map_err(|error| Refusal::Said(StatusCode::NOT_IMPLEMENTED, error.to_string()))?;
    Ok(Response::ok())
}

/// What grows with the cluster is written while it is read.
fn large(kind: Type) -> Option<state::Answer> {
    match kind {
        Type::GetState => Some(state::Answer::State),
        Type::GetTasks => Some(state::Answer::Tasks),
        Type::GetExecutors => Some(state::Answer::Executors),
        Type::GetFrameworks => Some(state::Answer::Frameworks),
        Type::GetAgents => Some(state::Answer::Agents),
        _ => None,
    }
}

/// Answers the other questions.
fn question(kind: Type, rights: &Rights, readers: &Readers, edge: &Edge<Master>) -> Option<Message> {
    let snapshot = &*readers.seen(rights);
    let mut answer = Message::default();
    let kind = match kind {
        Type::GetHealth => {
            answer.get_health = Some(response::GetHealth { healthy: true });
            Answer::GetHealth
        }
        Type::GetFlags => {
            let flag =
                |(name, value): (&String, &String)| Flag { name: name.clone(), value: Some(value.clone()) };
            answer.get_flags =
                Some(response::GetFlags { flags: readers.config.flags.iter().map(flag).collect() });
            Answer::GetFlags
        }
        Type::GetVersion => {
            answer.get_version = Some(response::GetVersion { version_info: version() });
            Answer::GetVersion
        }
        Type::GetMetrics => {
            let metric = |(name, value)| Metric { name, value: Some(value) };
            let metrics = edge.runtime.metrics().snapshot().into_iter().map(metric).collect();
            answer.get_metrics = Some(response::GetMetrics { metrics });
            Answer::GetMetrics
        }
        Type::GetLoggingLevel => {
            let level = edge.runtime.logging().level();
            answer.get_logging_level = Some(response::GetLoggingLevel { level });
            Answer::GetLoggingLevel
        }
        Type::GetRoles => {
            let roles = roles::Roles::seen(snapshot, Sight(rights)).v1();
            answer.get_roles = Some(response::GetRoles { roles });
            Answer::GetRoles
        }
        Type::GetWeights => {
            let weights = roles::weights(snapshot);
            answer.get_weights =
                (!weights.is_empty()).then_some(response::GetWeights { weight_infos: weights });
            Answer::GetWeights
        }
        Type::GetMaster => {
            answer.get_master = Some(master::get_master(snapshot));
            Answer::GetMaster
        }
        Type::GetOperations => {
            answer.get_operations = Some(operations::get_operations(snapshot));
            Answer::GetOperations
        }
        Type::GetMaintenanceStatus => {
            let all = rights.may(Action::GetMaintenanceStatus, Object::ANY);
            let status = if all { maintenance::status(snapshot) } else { Default::default() };
            answer.get_maintenance_status = Some(response::GetMaintenanceStatus { status });
            Answer::GetMaintenanceStatus
        }
        Type::GetMaintenanceSchedule => {
            let all = rights.may(Action::GetMaintenanceSchedule, Object::ANY);
            let schedule = if all { maintenance::schedule(snapshot) } else { Default::default() };
            answer.get_maintenance_schedule = Some(response::GetMaintenanceSchedule { schedule });
            Answer::GetMaintenanceSchedule
        }
        Type::GetQuota => {
            answer.get_quota = Some(response::GetQuota { status: roles::quotas(snapshot) });
            Answer::GetQuota
        }
        _ => return None,
    };
    answer.r#type = Some(kind as i32);
    Some(answer)
}

/// This build, its Mesos version where clients look for it.
fn version() -> VersionInfo {
    let build = Build::OURS;
    VersionInfo {
        version: build.version.to_owned(),
        build_date: Some(build.date.to_owned()),
        build_time: Some(build.time),
        build_user: Some(build.user.to_owned()),
        git_sha: build.git_sha.map(str::to_owned),
        git_branch: None,
        git_tag: None,
    }
}
