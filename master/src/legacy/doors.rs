//! What is heard of old drivers: a message becomes the call it stands for.

use std::sync::Arc;

use api::v0::authentication;
use api::v0::scheduler::{Asked, Greeting, NAMES, Writer, read};
use libprocess::legacy::{Backlog, Heard};
use libprocess::{Doors, Edge, Lane, Spawn, Upid};
use model::FrameworkCapabilities;
use model::call::{Call, Subscribe};

use super::correspondence::{Correspondence, refuse, tell};
use super::standing::Driver;
use crate::Master;
use crate::http::Session;
use crate::http::scheduler::{Gate, own};
use crate::messages::{Asker, Caller, Input, Outlet};

/// Opens the doors.
pub(crate) fn doors(doors: &mut Doors<Master>, gate: &Arc<Gate>) {
    for name in NAMES {
        let gate = gate.clone();
        doors.legacy(name, move |heard, edge| {
            let gate = gate.clone();
            async move { hear(name, heard, &edge, &gate).await }
        });
    }
    for name in authentication::NAMES {
        let gate = gate.clone();
        doors.legacy(name, move |heard, edge| {
            prove(name, &heard, &edge, &gate);
            std::future::ready(())
        });
    }
}

/// Hears a step of a proof, and answers it.
fn prove(name: &'static str, heard: &Heard, edge: &Edge<Master>, gate: &Gate) {
    let Heard { from, body } = heard;
    if !gate.published.load().leading {
        return;
    }
    match authentication::read(name, body) {
        Ok(said) => {
            let told = gate.proofs.hear(from, said, gate.stream_id().as_str());
            tell(&edge.runtime, &edge.pid.upid().bare(), from.clone(), &told);
        }
        Err(why) => tracing::warn!(%from, name, %why, "a proof of a driver says nothing"),
    }
}

/// Hears one message. Nobody is answered: who has something to be told is told it on its line.
///
/// A master that does not lead hears nobody. Drivers look for the one that does, and say everything again.
async fn hear(name: &'static str, heard: Heard, edge: &Edge<Master>, gate: &Gate) {
    let Heard { from, body } = heard;
    if !gate.published.load().leading {
        tracing::debug!(%from, name, "a driver is not heard by a master that does not lead");
        return;
    }
    let Asked { call, force } = match read(name, &body) {
        Ok(asked) => asked,
        Err(why) => {
            tracing::warn!(%from, name, %why, "a message of a driver says nothing");
            return;
        }
    };
    let tell_off = |why: String| refuse(&edge.runtime, &edge.pid.upid().bare(), from.clone(), why);
    let principal = match gate.proofs.of(&from) {
        Ok(principal) => principal,
        Err(unproved) => return tell_off(unproved.to_string()),
    };
    if let Err(why) = gate.pace.wait(&call, principal.as_deref(), gate, edge).await {
        return tell_off(why.to_string());
    }
    match call {
        Call::Subscribe(call) => match own(&call, principal.as_deref()) {
            Ok(()) => subscribe(call, principal, Driver { pid: from, force }, edge, gate),
            Err(rejected) => tell_off(rejected.to_string()),
        },
        call => {
            let caller = Caller { stream: None, driver: Some(from.clone()), principal };
            let input = Input::Call { call: Box::new(call), caller, asker: Asker::default() };
            if let Err(error) = edge.pid.tell(input) {
                tracing::warn!(%from, name, %error, "a message of a driver is lost");
            }
        }
    }
}

/// Starts a session that will write to the driver, and hands it to the master, which says on it whether it is welcome.
fn subscribe(call: Subscribe, principal: Option<String>, driver: Driver, edge: &Edge<Master>, gate: &Gate) {
    let nothing = FrameworkCapabilities::default();
    let capabilities = call.framework.as_ref().map_or(&nothing, |info| &info.capabilities);
    let greeting = match (&call.framework_id, driver.force) {
        (Some(_), false) => Greeting::Reregistered,
        (None, _) | (_, true) => Greeting::Registered,
    };
    let master = edge.pid.upid().bare();
    let writer = Writer::new(greeting, master.to_string(), capabilities);
    let stream = gate.stream_id();
    let backlog = Backlog { messages: gate.backlog_events, bytes: gate.backlog_bytes };
    let ends: (Upid, Upid) = (master, driver.pid.clone());
    let runtime = edge.runtime.clone();
    let (master, name) = (edge.pid.clone(), stream.clone());
    let started = edge.runtime.spawn(Spawn::prefixed("session"), move || {
        Session::to_driver(master, name, Correspondence::open(&runtime, ends, backlog, writer))
    });
    // Without a session this program is ending.
    let Ok(session) = started else { return };
    let (call, outlet) = (Box::new(call), Outlet::new(session.clone()));
    let driver = Some(driver);
    if edge.pid.tell(Input::Subscribe { call, principal, stream, outlet, driver }).is_err() {
        session.terminate(Lane::System);
    }
}
