//! The read endpoints that are older than the v1 API.

use std::sync::Arc;

use api::classic;
use libprocess::Doors;
use libprocess::http::{Request, Response, Route, StatusCode};
use model::ExecutorId;
use security::{Action, Object, Rights};

use super::realms::READ_ONLY;
use super::{Refused, Wrong, views};
use crate::actor::Agent;
use crate::authorization::{self, allow, allow_endpoint, visible};
use crate::public::Public;
use crate::state::Life;

pub(super) fn open(doors: &mut Doors<Agent>, public: &Arc<Public>) {
    let shared = Arc::clone(public);
    doors.route(Route::any("/state").help("All the agent knows.").realm(READ_ONLY), move |request, _| {
        let response = state(&shared, &shared.rights(&request));
        async { response }
    });
    let shared = Arc::clone(public);
    let flags = Route::any("/flags").help("How the agent was started.").realm(READ_ONLY);
    doors.route(flags, move |request, _| {
        let response = match allow(&shared.rights(&request), Action::ViewFlags, Object::ANY) {
            Ok(()) => Response::json(classic::flags(&shared.state().settings.flags)),
            Err(wrong) => wrong.response(),
        };
        async { response }
    });
    doors.route(Route::any("/health").help("200 while the agent lives."), |_, _| async { Response::ok() });
    doors.route(Route::any("/version").help("Which build runs."), |_, _| async {
        Response::json(classic::version(&classic::Build::OURS))
    });
    let shared = Arc::clone(public);
    doors.route(
        Route::any("/monitor/statistics").help("What executors use.").realm(READ_ONLY),
        move |request, edge| {
            let public = Arc::clone(&shared);
            async move {
                let rights = public.rights(&request);
                if let Err(wrong) = allow_endpoint(&rights, "/monitor/statistics") {
                    return wrong.response();
                }
                let usage = public.usage().await;
                let state = visible(public.state(), &rights);
                Response::json(classic::agent::statistics(&views::containers(
                    &state,
                    &usage,
                    edge.now().into(),
                    |_| true,
                )))
            }
        },
    );
    let shared = Arc::clone(public);
    doors.route(
        Route::any("/containers")
            .help("Containers of executors, and what they use.")
            .parameter("container_id", "Only this one.")
            .parameter("framework_id", "Only of this framework.")
            .parameter("executor_id", "Only of this executor; with `framework_id`.")
            .realm(READ_ONLY),
        move |request, edge| {
            let public = Arc::clone(&shared);
            async move { containers(&request, &public, edge.now().into()).await }
        },
    );
    let shared = Arc::clone(public);
    doors.route(
        Route::any("/containerizer/debug").help("What the containerizer waits for.").realm(READ_ONLY),
        move |request, _| {
            let response = match allow_endpoint(&shared.rights(&request), "/containerizer/debug") {
                Ok(()) => Response::json(r#"{"pending":[]}"#.to_owned()),
                Err(wrong) => wrong.response(),
            };
            async { response }
        },
    );
}

fn state(public: &Public, rights: &Rights) -> Response {
    let state = visible(public.state(), rights);
    if state.life == Life::Recovering {
        return Wrong::from(Refused::Recovering).response();
    }
    Response::json(views::state(&state, rights.may(Action::ViewFlags, Object::ANY)))
}

/// By container, by framework, by executor, or all; nothing in between.
async fn containers(request: &Request, public: &Public, now: model::Time) -> Response {
    let given = |name| request.query.get(name).map(str::to_owned);
    let (container, framework, executor) =
        (given("container_id"), given("framework_id"), given("executor_id"));
    let sensible = match (&container, &framework, &executor) {
        (Some(_), None, None) | (None, Some(_), _) | (None, None, None) => true,
        (Some(_), _, _) | (None, None, Some(_)) => false,
    };
    if !sensible {
        let text =
            "Expecting either 'container_id', 'framework_id', or 'framework_id' with 'executor_id' in query";
        return Response::text(StatusCode::BAD_REQUEST, text);
    }
    let rights = public.rights(request);
    if let Err(wrong) = allow_endpoint(&rights, "/containers") {
        return wrong.response();
    }
    let usage = public.usage().await;
    let state = visible(public.state(), &rights);
    let executor = executor.map(ExecutorId::from);
    let found = views::containers(&state, &usage, now, |candidate| {
        authorization::container(&rights, &state, candidate)
            && container.as_ref().is_none_or(|id| candidate.container.value() == id)
            && framework.as_ref().is_none_or(|id| candidate.framework.as_str() == id)
            && executor.as_ref().is_none_or(|id| candidate.id == *id)
    });
    Response::json(classic::agent::containers(&found))
}
