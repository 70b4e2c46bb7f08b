//! What a request handler at the edge holds of its process.

use std::time::SystemTime;

use crate::http::{self, Principal};
use crate::{Pid, Process, Runtime};

/// A handler's way to its process: it touches no state of it, it asks.
pub struct Edge<A: Process> {
    pub pid: Pid<A>,
    pub runtime: Runtime,
    /// Who asks, as the authenticator of the route's realm found; nobody in particular without one.
    pub principal: Option<Principal>,
}

impl<A: Process> Edge<A> {
    pub(crate) fn new(pid: Pid<A>) -> Edge<A> {
        let runtime = pid.cell.runtime().clone();
        Edge { pid, runtime, principal: None }
    }

    /// The same for one request.
    pub(crate) fn of(&self, request: &http::Request) -> Edge<A> {
        Edge { principal: request.principal.clone(), ..self.clone() }
    }

    /// The runtime's clock.
    pub fn now(&self) -> SystemTime {
        self.runtime.now()
    }

    /// For requests to elsewhere.
    pub fn client(&self) -> http::Client {
        self.runtime.client()
    }
}

impl<A: Process> Clone for Edge<A> {
    fn clone(&self) -> Edge<A> {
        Edge { pid: self.pid.clone(), runtime: self.runtime.clone(), principal: self.principal.clone() }
    }
}
