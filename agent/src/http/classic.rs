//! The read endpoints that are older than the v1 API.

use std::sync::Arc;

use api::classic;
use libprocess::Doors;
use libprocess::http::{Request, Response, Route, StatusCode};
use model::ExecutorId;

use super::realms::READ_ONLY;
use super::{Refused, Wrong, views};
use crate::actor::Agent;
use crate::public::Public;
use crate::state::Life;

pub(super) fn open(doors: &mut Doors<Agent>, public: &Arc<Public>) {
    let shared = Arc::clone(public);
    doors.route(Route::any("/state").help("All the agent knows.").realm(READ_ONLY), move |_, _| {
        let response = state(&shared);
        async { response }
    });
    let shared = Arc::clone(public);
    doors.route(Route::any("/flags").help("How the agent was started.").realm(READ_ONLY), move |_, _| {
        let response = Response::json(classic::flags(&shared.state().settings.flags));
        async { response }
    });
    doors.route(Route::any("/health").help("200 while the agent lives."), |_, _| async { Response::ok() });
    doors.route(Route::any("/version").help("Which build runs."), |_, _| async {
        Response::json(classic::version(&classic::Build::OURS))
    });
    let shared = Arc::clone(public);
    doors.route(
        Route::any("/monitor/statistics").help("What executors use.").realm(READ_ONLY),
        move |_, edge| {
            let public = Arc::clone(&shared);
            async move {
                let usage = public.usage().await;
                let state = public.state();
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
    doors.route(
        Route::any("/containerizer/debug").help("What the containerizer waits for.").realm(READ_ONLY),
        |_, _| async { Response::json(r#"{"pending":[]}"#.to_owned()) },
    );
}

fn state(public: &Public) -> Response {
    let state = public.state();
    if state.life == Life::Recovering {
        return Wrong::from(Refused::Recovering).response();
    }
    Response::json(views::state(&state))
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
    let usage = public.usage().await;
    let state = public.state();
    let executor = executor.map(ExecutorId::from);
    let found = views::containers(&state, &usage, now, |candidate| {
        container.as_ref().is_none_or(|id| candidate.container.value() == id)
            && framework.as_ref().is_none_or(|id| candidate.framework.as_str() == id)
            && executor.as_ref().is_none_or(|id| candidate.id == *id)
    });
    Response::json(classic::agent::containers(&found))
}
