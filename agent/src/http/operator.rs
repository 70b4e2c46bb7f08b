//! `/api/v1`: operators ask, and have containers launched; what is not built yet is refused as not implemented.

use std::sync::Arc;
use std::time::Duration;

use api::content::{self, MediaType};
use api::v1::agent::{Call, Response as Answer, call, response};
use api::{classic, v1};
use libprocess::http::{Request, Response, StatusCode, header};
use libprocess::{Edge, Runtime};
use security::{Action, Object, Rights};

use super::containers::{self, Outcome, Spelling};
use super::files;
use super::sandbox::{Failure, Files};
use super::{Refused, Wrong, views};
use crate::actor::Agent;
use crate::authorization::{self, visible};
use crate::provisioner::Reference;
use crate::public::Public;
use crate::state::{Life, State};

/// The largest call. Unit: bytes.
const CALL_MAX: usize = 1024 * 1024;

/// Answers one call. Source: Mesos agent operator HTTP API.
pub(super) async fn operator(request: Request, edge: Edge<Agent>, public: Arc<Public>) -> Response {
    match answer(request, &edge, &public).await {
        Ok(response) => response,
        Err(wrong) => wrong.response(),
    }
}

async fn answer(mut request: Request, edge: &Edge<Agent>, public: &Arc<Public>) -> Result<Response, Wrong> {
    if request.text_of(header::CONTENT_TYPE) == Some(MediaType::RecordIo.as_str()) {
        return containers::attach_input(request, public).await;
    }
    let accept = request.text_of(header::ACCEPT).map(str::to_owned);
    let given = MediaType::of_call(request.text_of(header::CONTENT_TYPE))?;
    let body = request.bytes(CALL_MAX).await?;
    let call: Call = content::decode_call(&body, given)?;
    let ty = call.r#type.and_then(|ty| call::Type::try_from(ty).ok()).filter(|ty| *ty != call::Type::Unknown);
    let ty = ty.ok_or_else(|| invalid("Expecting 'type' to be present"))?;
    let rights = public.rights(&request);
    let state = public.state();
    if state.life == Life::Recovering {
        return Err(Refused::Recovering.into());
    }
    match ty {
        call::Type::AttachContainerInput => {
            let text = "Expecting 'Content-Type' of application/recordio for ATTACH_CONTAINER_INPUT";
            return Err(Wrong::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        call::Type::AttachContainerOutput => {
            let id = &needed(&call.attach_container_output, "attach_container_output")?.container_id;
            let id = containers::name(id, "attach_container_output.container_id", false)?;
            authorization::act(&rights, &state, ty, &id)?;
            return containers::attach_output(&id, Spelling::wanted(&request)?, edge, public);
        }
        call::Type::SetLoggingLevel => {
            authorization::allow(&rights, Action::SetLogLevel, Object::ANY)?;
            return log_more(needed(&call.set_logging_level, "set_logging_level")?, &edge.runtime);
        }
        call::Type::LaunchNestedContainerSession => {
            return containers::launch_session(&call, &rights, Spelling::wanted(&request)?, edge, public)
                .await;
        }
        call::Type::PruneImages => {
            authorization::allow(&rights, Action::PruneImages, Object::ANY)?;
            let asked = call.prune_images.as_ref().map(|prune| prune.excluded_images.as_slice());
            prune(asked.unwrap_or_default(), public).await?;
            return Ok(Response::ok());
        }
        _ => {}
    }
    let wanted = MediaType::of_answer(accept.as_deref())?;
    let mut answer = match containers::outcome(&call, ty, &rights, &state, edge).await? {
        Some(Outcome::Empty(response)) => return Ok(response),
        Some(Outcome::Body(answer)) => *answer,
        None => read(&call, ty, &rights, &visible(state, &rights), edge, public).await?,
    };
    // One name, two numbers: calls and answers are counted apart.
    answer.r#type = response::Type::from_str_name(ty.as_str_name()).map(Into::into);
    let body = content::encode(&answer, wanted);
    Ok(Response::ok().header(header::CONTENT_TYPE, wanted.as_str()).body(body))
}

pub(super) fn invalid(why: &str) -> Wrong {
    Wrong::bad_request(format!("Failed to validate agent::Call: {why}"))
}

/// A field of the call that its type needs.
pub(super) fn needed<'a, T>(field: &'a Option<T>, name: &str) -> Result<&'a T, Wrong> {
    field.as_ref().ok_or_else(|| invalid(&format!("Expecting '{name}' to be present")))
}

/// Logs more for a while.
fn log_more(asked: &call::SetLoggingLevel, runtime: &Runtime) -> Result<Response, Wrong> {
    let within = u64::try_from(asked.duration.nanoseconds)
        .map_err(|_| Wrong::bad_request("set_logging_level.duration: must not be negative"))?;
    let raised = runtime.log_more(asked.level, Duration::from_nanos(within));
    raised.map_err(|error| Wrong::new(StatusCode::NOT_IMPLEMENTED, error.to_string()))?;
    Ok(Response::ok())
}

async fn read(
    call: &Call,
    ty: call::Type,
    rights: &Rights,
    state: &State,
    edge: &Edge<Agent>,
    public: &Public,
) -> Result<Answer, Wrong> {
    use call::Type;
    let mut answer = Answer::default();
    match ty {
        Type::GetHealth => answer.get_health = Some(response::GetHealth { healthy: true }),
        Type::GetVersion => answer.get_version = Some(response::GetVersion { version_info: version() }),
        Type::GetFlags => {
            authorization::allow(rights, Action::ViewFlags, Object::ANY)?;
            let flag = |(name, value): (&String, &String)| v1::Flag {
                name: name.clone(),
                value: Some(value.clone()),
            };
            answer.get_flags =
                Some(response::GetFlags { flags: state.settings.flags.iter().map(flag).collect() });
        }
        Type::GetMetrics => {
            needed(&call.get_metrics, "get_metrics")?;
            let metric = |(name, value)| v1::Metric { name, value: Some(value) };
            let metrics = edge.runtime.metrics().snapshot().into_iter().map(metric).collect();
            answer.get_metrics = Some(response::GetMetrics { metrics });
        }
        Type::GetLoggingLevel => {
            let level = edge.runtime.logging().level();
            answer.get_logging_level = Some(response::GetLoggingLevel { level });
        }
        Type::GetState => {
            answer.get_state = Some(response::GetState {
                get_tasks: Some(views::tasks(state)),
                get_executors: Some(views::executors(state)),
                get_frameworks: Some(views::frameworks(state)),
            });
        }
        Type::GetTasks => answer.get_tasks = Some(views::tasks(state)),
        Type::GetExecutors => answer.get_executors = Some(views::executors(state)),
        Type::GetFrameworks => answer.get_frameworks = Some(views::frameworks(state)),
        Type::GetOperations => {
            let operations = state.operations.values();
            let operations = operations.map(|outcome| v1::Operation::from(&outcome.operation)).collect();
            answer.get_operations = Some(response::GetOperations { operations });
        }
        Type::GetResourceProviders => {
            answer.get_resource_providers = Some(response::GetResourceProviders::default());
        }
        Type::GetAgent => {
            let agent_info = Some(v1::AgentInfo::from(&state.info()));
            answer.get_agent = Some(response::GetAgent { agent_info, ..Default::default() });
        }
        Type::GetContainers => answer.get_containers = views::listed(call, state, rights, edge, public).await,
        Type::ListFiles => {
            let path = &needed(&call.list_files, "list_files")?.path;
            let listing = files::list(path, state, rights, &edge.runtime).await?;
            let file_infos = listing.entries.iter().map(Into::into).collect();
            answer.list_files = Some(response::ListFiles { file_infos });
        }
        Type::ReadFile => {
            let asked = needed(&call.read_file, "read_file")?;
            let (size, data) = Files::new(state, rights)
                .read(&asked.path, Some(asked.offset), asked.length)
                .map_err(Failure::wrong)?;
            answer.read_file = Some(response::ReadFile { size, data });
        }
        other => return Err(unimplemented(other)),
    }
    Ok(answer)
}

/// Removes images no container uses.
async fn prune(excluded: &[v1::Image], public: &Public) -> Result<(), Wrong> {
    let names = excluded.iter().filter_map(|image| image.docker.as_ref()).map(|docker| docker.name.parse());
    let excluded = names.collect::<Result<Vec<Reference>, String>>();
    let excluded = excluded.map_err(|why| invalid(&format!("prune_images.excluded_images: {why}")))?;
    let Some(containers) = public.containers() else { return Ok(()) };
    let pruned = containers.prune(excluded).await;
    pruned.map_err(|why| {
        Wrong::new(StatusCode::INTERNAL_SERVER_ERROR, format!("Failed to prune images: {why}"))
    })
}

fn unimplemented(ty: call::Type) -> Wrong {
    Wrong::new(StatusCode::NOT_IMPLEMENTED, format!("{} is not implemented yet", ty.as_str_name()))
}

fn version() -> v1::VersionInfo {
    let build = classic::Build::OURS;
    v1::VersionInfo {
        version: build.version.to_owned(),
        build_date: Some(build.date.to_owned()),
        build_time: Some(build.time),
        build_user: Some(build.user.to_owned()),
        ..v1::VersionInfo::default()
    }
}
