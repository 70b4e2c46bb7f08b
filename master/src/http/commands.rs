//! Calls of operators that change something: from `/api/v1` and from the older endpoints, one [`Ask`] each.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::convert::resources;
use api::v1;
use api::v1::master::Call;
use api::v1::master::call::Type;
use libprocess::http::{Method, Query, Request, Response, Route};
use libprocess::{AskError, Doors, Edge};
use model::{
    AgentId, Conversion, DrainConfig, MachineId, Quantities, Quota, Resource, Resources, Role,
    Unavailability, Window, brief,
};

use security::{Action, Object, Rights};

use super::Rejected;
use super::classic::{ANSWER_WITHIN, answered, text_of_form};
use super::readers::Readers;
use super::realms::READ_WRITE;
use crate::Master;
use crate::authorization::{allow, of_ask};
use crate::messages::{Asker, Input};
use crate::operator::Ask;
use crate::views::{maintenance, roles};

/// The largest body read. Unit: bytes.
const BODY_MAX: usize = 1 << 20;

/// What a call asks for, and what a good answer looks like. `None` for calls that change nothing.
///
/// Errors: what it says cannot be meant.
pub(super) fn of_call(kind: Type, call: &Call) -> Option<Result<(Ask, Response), Rejected>> {
    if let Some(decree) = decree(kind, call) {
        return Some(decree.map(|ask| (ask, Response::ok())));
    }
    let converted = match kind {
        Type::ReserveResources => call.reserve_resources.as_ref().map(|call| {
            let read = |bag: &Vec<v1::Resource>| resources::read(bag.clone());
            let conversion = read(&call.source)
                .and_then(|source| Ok(Conversion::Reserve { source, resources: read(&call.resources)? }));
            (agent(&call.agent_id), conversion)
        }),
        Type::UnreserveResources => call.unreserve_resources.as_ref().map(|call| {
            let resources = resources::read(call.resources.clone());
            (agent(&call.agent_id), resources.map(|resources| Conversion::Unreserve { resources }))
        }),
        Type::CreateVolumes => call.create_volumes.as_ref().map(|call| {
            let volumes = resources::read(call.volumes.clone());
            (agent(&call.agent_id), volumes.map(|volumes| Conversion::Create { volumes }))
        }),
        Type::DestroyVolumes => call.destroy_volumes.as_ref().map(|call| {
            let volumes = resources::read(call.volumes.clone());
            (agent(&call.agent_id), volumes.map(|volumes| Conversion::Destroy { volumes }))
        }),
        Type::GrowVolume => call.grow_volume.as_ref().map(|call| {
            let conversion = Resource::try_from(call.volume.clone()).and_then(|volume| {
                Ok(Conversion::GrowVolume { volume, addition: Resource::try_from(call.addition.clone())? })
            });
            (call.agent_id.as_ref().map(agent).unwrap_or_else(|| AgentId::from("")), conversion)
        }),
        Type::ShrinkVolume => call.shrink_volume.as_ref().map(|call| {
            let conversion = Resource::try_from(call.volume.clone()).and_then(|volume| {
                let subtract = resources::amount(&call.subtract)?;
                Ok(Conversion::ShrinkVolume { volume, subtract })
            });
            (call.agent_id.as_ref().map(agent).unwrap_or_else(|| AgentId::from("")), conversion)
        }),
        _ => None,
    };
    converted.map(|(agent, conversion)| match conversion {
        Ok(conversion) => Ok((Ask::Convert { agent, conversion, principal: None }, Response::accepted())),
        Err(error) => Err(Rejected::Invalid(error.to_string())),
    })
}

/// Calls about roles, agents' lives and machines.
fn decree(kind: Type, call: &Call) -> Option<Result<Ask, Rejected>> {
    let ask = match kind {
        Type::UpdateWeights => call.update_weights.as_ref().map(|call| Ok(weights(&call.weight_infos))),
        Type::UpdateQuota => call.update_quota.as_ref().map(|call| {
            let quotas = call.quota_configs.iter().map(quota).collect::<Result<_, _>>();
            quotas.map(|quotas| Ask::UpdateQuota { quotas, force: call.force.unwrap_or_default() })
        }),
        Type::SetQuota => call.set_quota.as_ref().map(|call| set_quota(&call.quota_request)),
        Type::RemoveQuota => call.remove_quota.as_ref().map(|call| {
            Ok(Ask::RemoveQuota {
                role: Role::from(call.role.as_str()),
                what: "Failed to remove quota".to_owned(),
            })
        }),
        Type::MarkAgentGone => {
            call.mark_agent_gone.as_ref().map(|call| Ok(Ask::MarkGone(agent(&call.agent_id))))
        }
        Type::DrainAgent => call.drain_agent.as_ref().map(|call| {
            let max_grace_period = call.max_grace_period.as_ref().map(grace).transpose()?;
            let config = DrainConfig { max_grace_period, mark_gone: call.mark_gone.unwrap_or_default() };
            Ok(Ask::Drain { agent: agent(&call.agent_id), config })
        }),
        Type::DeactivateAgent => {
            call.deactivate_agent.as_ref().map(|call| Ok(Ask::Deactivate(agent(&call.agent_id))))
        }
        Type::ReactivateAgent => {
            call.reactivate_agent.as_ref().map(|call| Ok(Ask::Reactivate(agent(&call.agent_id))))
        }
        Type::UpdateMaintenanceSchedule => {
            call.update_maintenance_schedule.as_ref().map(|call| schedule(&call.schedule))
        }
        Type::StartMaintenance => {
            call.start_maintenance.as_ref().map(|call| Ok(Ask::StartMaintenance(machines(&call.machines))))
        }
        Type::StopMaintenance => {
            call.stop_maintenance.as_ref().map(|call| Ok(Ask::StopMaintenance(machines(&call.machines))))
        }
        _ => None,
    };
    ask.map(|ask: Result<Ask, String>| ask.map_err(Rejected::Invalid))
}

fn weights(infos: &[v1::WeightInfo]) -> Ask {
    let one = |info: &v1::WeightInfo| (Role::from(info.role.as_deref().unwrap_or_default()), info.weight);
    Ask::UpdateWeights(infos.iter().map(one).collect())
}

fn quota(config: &v1::quota::QuotaConfig) -> Result<Quota, String> {
    let read = |amounts: &BTreeMap<String, v1::value::Scalar>| -> Result<Quantities, String> {
        amounts
            .iter()
            .map(|(name, amount)| {
                let amount =
                    resources::amount(amount).map_err(|error| format!("Invalid QuotaConfig: {error}"))?;
                match amount.is_positive() || amount.is_zero() {
                    _ if name.is_empty() => Err("Invalid QuotaConfig: a resource has no name".to_owned()),
                    true => Ok((name.as_str(), amount)),
                    false => Err(format!("Invalid QuotaConfig: '{}' is negative", brief(name))),
                }
            })
            .collect()
    };
    Ok(Quota {
        role: Role::from(config.role.as_str()),
        guarantees: read(&config.guarantees)?,
        limits: read(&config.limits)?,
    })
}

fn set_quota(request: &v1::quota::QuotaRequest) -> Result<Ask, String> {
    const WHAT: &str = "Failed to validate set quota request";
    let mut guarantee = Quantities::new();
    for resource in &request.guarantee {
        let plain = resource.reservations.is_empty()
            && resource.reservation.is_none()
            && resource.role.as_deref().is_none_or(|role| role == "*")
            && resource.disk.is_none()
            && resource.revocable.is_none();
        let Some(scalar) = resource.scalar.as_ref().filter(|_| plain) else {
            return Err(format!("{WHAT}: QuotaInfo must only name plain scalar resources"));
        };
        let amount = resources::amount(scalar).map_err(|error| format!("{WHAT}: {error}"))?;
        if !amount.is_positive() {
            return Err(format!("{WHAT}: '{}' must be positive", brief(&resource.name)));
        }
        if guarantee.names(&resource.name) {
            return Err(format!(
                "{WHAT}: QuotaInfo contains duplicate resource name '{}'",
                brief(&resource.name)
            ));
        }
        guarantee.set(resource.name.as_str(), amount);
    }
    let role = Role::from(request.role.as_deref().unwrap_or_default());
    Ok(Ask::SetQuota { role, guarantee, force: request.force.unwrap_or_default() })
}

/// Unit on the wire: seconds and nanoseconds.
fn grace(spelled: &api::google::Duration) -> Result<std::time::Duration, String> {
    let seconds = u64::try_from(spelled.seconds.unwrap_or_default()).ok();
    let nanos = u32::try_from(spelled.nanos.unwrap_or_default()).ok().filter(|nanos| *nanos < 1_000_000_000);
    let negative =
        spelled.seconds.is_some_and(i64::is_negative) || spelled.nanos.is_some_and(i32::is_negative);
    match (seconds, nanos) {
        (Some(seconds), Some(nanos)) => Ok(std::time::Duration::new(seconds, nanos)),
        _ if negative => Err("'max_grace_period' must not be negative".to_owned()),
        _ => Err("'max_grace_period.nanos' must be below 1000000000".to_owned()),
    }
}

fn schedule(spelled: &v1::maintenance::Schedule) -> Result<Ask, String> {
    let window = |window: &v1::maintenance::Window| {
        let unavailability =
            Unavailability::try_from(window.unavailability).map_err(|error| error.to_string())?;
        Ok(Window { machines: machines(&window.machine_ids), unavailability })
    };
    spelled.windows.iter().map(window).collect::<Result<_, String>>().map(Ask::UpdateSchedule)
}

fn machines(spelled: &[v1::MachineId]) -> Vec<MachineId> {
    spelled.iter().cloned().map(MachineId::from).collect()
}

fn agent(id: &v1::AgentId) -> AgentId {
    AgentId::from(&*id.value)
}

/// Has the master do it, for somebody who may.
pub(super) async fn ask(
    mut ask: Ask,
    rights: &Rights,
    good: Response,
    edge: &Edge<Master>,
) -> Result<Result<Response, Rejected>, AskError> {
    if let Err(refused) = allow(rights, of_ask(&ask)) {
        return Ok(Err(refused));
    }
    if let Ask::Convert { principal, .. } = &mut ask {
        *principal = rights.name().map(str::to_owned);
    }
    let ask = Box::new(ask);
    let input = |reply| Input::Operator { ask, asker: Asker::new(reply) };
    Ok(edge.pid.call(ANSWER_WITHIN, input).await?.map(|()| good))
}

/// Opens the routes of the older endpoints.
pub(crate) fn doors(doors: &mut Doors<Master>, readers: &Arc<Readers>) {
    decrees(doors, readers);
    let mut form = |path: &str,
                    help: &'static str,
                    field: &'static str,
                    make: fn(Resources, Resources) -> Conversion| {
        let readers = readers.clone();
        doors.route(Route::post(path).help(help).realm(READ_WRITE), move |request, edge| {
            by_form(request, edge, readers.clone(), field, make)
        });
    };
    form("/reserve", "Reserves `resources` on agent `slaveId`.", "resources", |resources, source| {
        Conversion::Reserve { source, resources }
    });
    form(
        "/unreserve",
        "Takes the reservation off `resources` on agent `slaveId`.",
        "resources",
        |resources, _| Conversion::Unreserve { resources },
    );
    form("/create-volumes", "Makes persistent `volumes` on agent `slaveId`.", "volumes", |volumes, _| {
        Conversion::Create { volumes }
    });
    form("/destroy-volumes", "Destroys persistent `volumes` on agent `slaveId`.", "volumes", |volumes, _| {
        Conversion::Destroy { volumes }
    });
}

/// Roles and machines.
fn decrees(doors: &mut Doors<Master>, readers: &Arc<Readers>) {
    let (weigh, promise, plan) = (readers.clone(), readers.clone(), readers.clone());
    let route = Route::any("/weights").help("Weights of roles: GET shows them, PUT sets some.");
    doors.route(route.realm(READ_WRITE), move |request, edge| by_weights(request, edge, weigh.clone()));
    let route =
        Route::any("/quota").help("Quota of roles: GET shows them, POST sets one, DELETE removes one.");
    doors.route(route.realm(READ_WRITE), move |request, edge| by_quota(request, edge, promise.clone()));
    let route =
        Route::any("/maintenance/schedule").help("When machines are away: GET shows it, POST sets it.");
    doors.route(route.realm(READ_WRITE), move |request, edge| by_schedule(request, edge, plan.clone()));
    let mut machines = |path: &str, help: &'static str, make: fn(Vec<MachineId>) -> Ask| {
        let readers = readers.clone();
        doors.route(Route::post(path).help(help).realm(READ_WRITE), move |request, edge| {
            by_machines(request, edge, readers.clone(), make)
        });
    };
    machines("/machine/down", "Machines of the schedule go down.", Ask::StartMaintenance);
    machines("/machine/up", "Machines that are down are up again.", Ask::StopMaintenance);
}

async fn by_weights(mut request: Request, edge: Edge<Master>, readers: Arc<Readers>) -> Response {
    let rights = readers.rights(&request);
    if request.method == Method::GET {
        return Response::json(roles::classic_weights(&readers.seen(&rights)));
    }
    if request.method != Method::PUT {
        return Response::method_not_allowed(&[Method::GET, Method::PUT], &request.method);
    }
    let text = match text(&mut request).await {
        Ok(text) => text,
        Err(refused) => return refused,
    };
    match api::json::list_from_slice::<v1::WeightInfo>(text.as_bytes()) {
        Ok(infos) => answered_by(weights(&infos), &rights, Response::ok(), &edge).await,
        Err(error) => {
            let text = brief(&text);
            Response::bad_request(format!("Failed to parse update weights request JSON '{text}': {error}"))
        }
    }
}

async fn by_quota(mut request: Request, edge: Edge<Master>, readers: Arc<Readers>) -> Response {
    let rights = readers.rights(&request);
    if request.method == Method::GET {
        return Response::json(api::json::to_vec(&roles::quotas(&readers.seen(&rights))));
    }
    if request.method == Method::DELETE {
        let role = Role::from(request.rest());
        let what = format!("Failed to remove quota for path '/master/quota/{}'", brief(role.as_str()));
        return answered_by(Ask::RemoveQuota { role, what }, &rights, Response::ok(), &edge).await;
    }
    if request.method != Method::POST {
        return Response::method_not_allowed(&[Method::GET, Method::POST, Method::DELETE], &request.method);
    }
    let text = match text(&mut request).await {
        Ok(text) => text,
        Err(refused) => return refused,
    };
    let asked = api::json::from_slice::<v1::quota::QuotaRequest>(text.as_bytes())
        .map_err(|error| format!("Failed to parse set quota request JSON '{}': {error}", brief(&text)))
        .and_then(|request| set_quota(&request));
    match asked {
        Ok(ask) => answered_by(ask, &rights, Response::ok(), &edge).await,
        Err(why) => Response::bad_request(why),
    }
}

async fn by_schedule(mut request: Request, edge: Edge<Master>, readers: Arc<Readers>) -> Response {
    let rights = readers.rights(&request);
    if request.method == Method::GET {
        let all = rights.may(Action::GetMaintenanceSchedule, Object::ANY);
        let schedule = all.then(|| maintenance::schedule(&readers.published.load()));
        return Response::json(api::json::to_vec(&schedule.unwrap_or_default()));
    }
    if request.method != Method::POST {
        return Response::method_not_allowed(&[Method::GET, Method::POST], &request.method);
    }
    let text = match text(&mut request).await {
        Ok(text) => text,
        Err(refused) => return refused,
    };
    let asked = api::json::from_slice::<v1::maintenance::Schedule>(text.as_bytes())
        .map_err(|error| error.to_string())
        .and_then(|spelled| schedule(&spelled));
    match asked {
        Ok(ask) => answered_by(ask, &rights, Response::ok(), &edge).await,
        Err(why) => Response::bad_request(why),
    }
}

async fn by_machines(
    mut request: Request,
    edge: Edge<Master>,
    readers: Arc<Readers>,
    make: fn(Vec<MachineId>) -> Ask,
) -> Response {
    let rights = readers.rights(&request);
    let text = match text(&mut request).await {
        Ok(text) => text,
        Err(refused) => return refused,
    };
    match api::json::list_from_slice::<v1::MachineId>(text.as_bytes()) {
        Ok(spelled) => answered_by(make(machines(&spelled)), &rights, Response::ok(), &edge).await,
        Err(error) => Response::bad_request(error.to_string()),
    }
}

async fn text(request: &mut Request) -> Result<String, Response> {
    let body = request.bytes(BODY_MAX).await.map_err(|error| Response::bad_request(error.to_string()))?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// A change of resources, asked for by a form. Source: Mesos master endpoints.
async fn by_form(
    request: Request,
    edge: Edge<Master>,
    readers: Arc<Readers>,
    field: &'static str,
    make: fn(Resources, Resources) -> Conversion,
) -> Response {
    let rights = readers.rights(&request);
    let form = match text_of_form(request).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    match read_form(&form, field, make) {
        Ok(wanted) => answered_by(wanted, &rights, Response::accepted(), &edge).await,
        Err(why) => Response::bad_request(why),
    }
}

/// Has the master do it, and says how it went.
pub(super) async fn answered_by(
    wanted: Ask,
    rights: &Rights,
    good: Response,
    edge: &Edge<Master>,
) -> Response {
    let (answer, good) = match ask(wanted, rights, good, edge).await {
        Ok(Ok(good)) => (Ok(Ok(())), good),
        Ok(Err(rejected)) => (Ok(Err(rejected)), Response::ok()),
        Err(error) => (Err(error), Response::ok()),
    };
    answered(answer, good)
}

fn read_form(form: &Query, field: &str, make: fn(Resources, Resources) -> Conversion) -> Result<Ask, String> {
    let missing = |name: &str| format!("Missing '{name}' query parameter in the request body");
    let agent = form.get("slaveId").ok_or_else(|| missing("slaveId"))?;
    let list = form.get(field).ok_or_else(|| missing(field))?;
    let read = |name: &str, list: &str| {
        bag(list)
            .map_err(|why| format!("Error in parsing '{name}' query parameter in the request body: {why}"))
    };
    let source = form.get("source").map_or(Ok(Resources::new()), |list| read("source", list))?;
    let conversion = make(read(field, list)?, source);
    Ok(Ask::Convert { agent: AgentId::from(agent), conversion, principal: None })
}

/// A JSON list of resources.
fn bag(list: &str) -> Result<Resources, String> {
    let spelled: Vec<v1::Resource> = list_of(list.as_bytes())?;
    resources::read(spelled).map_err(|error| error.to_string())
}

/// A JSON list of messages.
pub(super) fn list_of<M: api::json::Message>(text: &[u8]) -> Result<Vec<M>, String> {
    api::json::list_from_slice(text).map_err(|error| error.to_string())
}
