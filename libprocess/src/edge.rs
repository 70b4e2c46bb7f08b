//! What a request handler at the edge holds of its process.

use std::time::SystemTime;

use crate::http;
use crate::{Pid, Process, Runtime};

/// A handler's way to its process: it touches no state of it, it asks.
pub struct Edge<A: Process> {
    pub pid: Pid<A>,
    pub runtime: Runtime,
}

impl<A: Process> Edge<A> {
    pub(crate) fn new(pid: Pid<A>) -> Edge<A> {
        let runtime = pid.cell.runtime().clone();
        Edge { pid, runtime }
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
        Edge { pid: self.pid.clone(), runtime: self.runtime.clone() }
    }
}
