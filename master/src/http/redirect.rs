//! To the leading master: `/redirect`, and what any other path answers on a master that does not lead.
//!
//! Source: Mesos high availability, redirects.

use libprocess::Doors;
use libprocess::http::{Request, Response, Route};

use super::Rejected;
use super::realms::READ_ONLY;
use crate::Master;
use crate::reign::Leader;
use crate::state::{Published, Snapshot};

/// What every master answers for itself. Source: HTTP endpoints, "not redirected".
const OWN: &[&str] = &["/flags", "/health", "/redirect", "/registrar(1)/registry", "/version"];

/// Puts whatever is opened after it behind the question who leads.
pub(crate) fn guard(doors: &mut Doors<Master>, published: &Published) {
    let published = published.clone();
    doors.before(move |request| elsewhere(&published.load(), request));
}

/// Opens the route.
pub(crate) fn doors(doors: &mut Doors<Master>, published: &Published) {
    let published = published.clone();
    doors.route(Route::any("/redirect").help("Redirects to the leading master."), move |request, _| {
        let answer = match (request.rest(), &published.load().leader) {
            ("", Some(leader)) => to(leader, ""),
            ("", None) => nobody(),
            _ => Response::not_found(),
        };
        async move { answer }
    });
}

/// Opens what a registrar answers, for a master that has none since it does not lead: nothing is recovered there.
pub(crate) fn no_registrar(doors: &mut Doors<Master>) {
    doors.route(Route::any("/registrar(1)/registry").realm(READ_ONLY), |_, _| async { Response::json("{}") });
}

/// The answer of a master that does not lead; none if it does, or the path is its own.
fn elsewhere(snapshot: &Snapshot, request: &Request) -> Option<Response> {
    let path =
        request.path.strip_prefix("/master").filter(|rest| rest.starts_with('/')).unwrap_or(&request.path);
    if OWN
        .iter()
        .any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    {
        return None;
    }
    match &snapshot.leader {
        Some(leader) if leader.address == snapshot.identity.address => None,
        Some(leader) => Some(to(leader, request.target())),
        None => Some(nobody()),
    }
}

/// The leader's host and port, whatever scheme the asker used.
fn to(leader: &Leader, target: &str) -> Response {
    let host = match leader.hostname.contains(':') {
        true => format!("[{}]", leader.hostname),
        false => leader.hostname.clone(),
    };
    Response::redirect(format!("//{host}:{}{target}", leader.address.port()))
}

fn nobody() -> Response {
    Response::text(Rejected::NoLeader.status(), Rejected::NoLeader.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Stage;

    fn location(snapshot: &Snapshot, path: &str) -> Option<String> {
        let answer = elsewhere(snapshot, &Request::get(path))?;
        Some(answer.text_of(libprocess::http::header::LOCATION).unwrap_or("nowhere").to_owned())
    }

    #[test]
    fn a_master_that_does_not_lead_sends_on_whatever_is_not_its_own() {
        let mut stage = Stage::new();
        assert_eq!(location(&stage.state.world, "/state"), None, "it leads");
        stage.state.world.leader =
            Some(Leader { address: ([10, 0, 0, 2], 5060).into(), hostname: "two.example".to_owned() });
        let world = &stage.state.world;
        assert_eq!(location(world, "/state?x=%20y").as_deref(), Some("//two.example:5060/state?x=%20y"));
        assert_eq!(
            location(world, "/master/api/v1/scheduler").as_deref(),
            Some("//two.example:5060/master/api/v1/scheduler")
        );
        for own in
            ["/health", "/master/flags", "/version", "/redirect", "/redirect/x", "/registrar(1)/registry"]
        {
            assert_eq!(location(world, own), None, "{own}");
        }
        assert_eq!(location(world, "/healthy").as_deref(), Some("//two.example:5060/healthy"));
        stage.state.world.leader =
            Some(Leader { address: "[::1]:5060".parse().unwrap(), hostname: "::1".to_owned() });
        assert_eq!(location(&stage.state.world, "/state").as_deref(), Some("//[::1]:5060/state"));
        stage.state.world.leader = None;
        assert_eq!(location(&stage.state.world, "/tasks").as_deref(), Some("nowhere"));
    }
}
