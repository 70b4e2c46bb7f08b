//! `/redirect`: where the leading master is. Source: Mesos high availability, redirects.

use libprocess::Doors;
use libprocess::http::{Response, Route};

use crate::Master;
use crate::state::{Published, Snapshot};

/// Opens the route.
pub(crate) fn doors(doors: &mut Doors<Master>, published: &Published) {
    let published = published.clone();
    doors.route(Route::any("/redirect").help("Redirects to the leading master."), move |request, _| {
        let answer = match request.rest() {
            "" => leader(&published.load()),
            _ => Response::not_found(),
        };
        async move { answer }
    });
}

/// The leader's host and port, whatever scheme the asker used. There is one master, so it leads.
fn leader(snapshot: &Snapshot) -> Response {
    let identity = &snapshot.identity;
    Response::redirect(format!("//{}:{}", identity.hostname, identity.address.port()))
}
