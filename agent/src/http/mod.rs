//! The agent over HTTP: executors speak to it, everybody else reads.
//!
//! Reads run on the state the agent published last, never on the agent.

mod classic;
mod containers;
pub(crate) mod executor;
mod files;
mod operator;
pub mod realms;
mod refused;
mod sandbox;
mod session;
mod views;

use std::sync::Arc;

use api::content::MediaType;
use libprocess::Doors;
use libprocess::http::Route;

use crate::actor::Agent;
use crate::public::Public;
pub(crate) use refused::{Refused, Wrong};
pub(crate) use session::{Session, StreamNo};

/// Opens every path of the agent. Source: Mesos agent endpoints.
pub(crate) fn open(doors: &mut Doors<Agent>, public: &Arc<Public>) {
    let shared = || Arc::clone(public);
    let state = shared();
    doors.route(
        Route::post("/api/v1/executor")
            .help("Executors call, and subscribe to their events.")
            .realm(realms::EXECUTOR),
        move |request, edge| executor::executor(request, edge, Arc::clone(&state)),
    );
    let state = shared();
    doors.route(
        Route::post("/api/v1")
            .help("Operators ask; containers are launched and attached to.")
            .realm(realms::READ_WRITE)
            .streams_of(MediaType::RecordIo.as_str()),
        move |request, edge| operator::operator(request, edge, Arc::clone(&state)),
    );
    classic::open(doors, public);
    files::open(doors, public);
}
