//! Calls of operators that change something: from `/api/v1` and from the older endpoints, one [`Ask`] each.

use api::convert::resources;
use api::v1;
use api::v1::master::Call;
use api::v1::master::call::Type;
use libprocess::http::{Query, Request, Response, Route};
use libprocess::{AskError, Doors, Edge};
use model::{AgentId, Conversion, Resource, Resources};

use super::Rejected;
use super::classic::{ANSWER_WITHIN, answered, text_of_form};
use crate::Master;
use crate::messages::{Asker, Input};
use crate::operator::Ask;

/// What a call asks for, and what a good answer looks like. `None` for calls that change nothing.
///
/// Errors: what it says cannot be meant.
pub(super) fn of_call(kind: Type, call: &Call) -> Option<Result<(Ask, Response), Rejected>> {
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
        Ok(conversion) => Ok((Ask::Convert { agent, conversion }, Response::accepted())),
        Err(error) => Err(Rejected::Invalid(error.to_string())),
    })
}

fn agent(id: &v1::AgentId) -> AgentId {
    AgentId::from(&*id.value)
}

/// Has the master do it.
pub(super) async fn ask(
    ask: Ask,
    good: Response,
    edge: &Edge<Master>,
) -> Result<Result<Response, Rejected>, AskError> {
    let ask = Box::new(ask);
    let input = |reply| Input::Operator { ask, asker: Asker::new(reply) };
    Ok(edge.pid.call(ANSWER_WITHIN, input).await?.map(|()| good))
}

/// Opens the routes of the older endpoints.
pub(crate) fn doors(doors: &mut Doors<Master>) {
    let mut form = |path: &str,
                    help: &str,
                    field: &'static str,
                    make: fn(Resources, Resources) -> Conversion| {
        doors.route(Route::post(path).help(help), move |request, edge| by_form(request, edge, field, make));
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

/// A change of resources, asked for by a form. Source: Mesos master endpoints.
async fn by_form(
    request: Request,
    edge: Edge<Master>,
    field: &'static str,
    make: fn(Resources, Resources) -> Conversion,
) -> Response {
    let form = match text_of_form(request).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    match read_form(&form, field, make) {
        Ok(wanted) => answered_by(wanted, Response::accepted(), &edge).await,
        Err(why) => Response::bad_request(why),
    }
}

/// Has the master do it, and says how it went.
pub(super) async fn answered_by(wanted: Ask, good: Response, edge: &Edge<Master>) -> Response {
    let (answer, good) = match ask(wanted, good, edge).await {
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
    Ok(Ask::Convert { agent: AgentId::from(agent), conversion: make(read(field, list)?, source) })
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
