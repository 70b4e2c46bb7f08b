//! How often frameworks are heard.

use std::sync::{Mutex, PoisonError};

use libprocess::Edge;
use libprocess::metrics::Metrics;
use model::call::Call;
use security::{Exceeded, RateLimits, Throttle};

use super::scheduler::Gate;
use crate::Master;

/// Lets calls through one after the other, as `--rate_limits` says.
pub(crate) struct Pace {
    /// Without limits, nothing is asked and nobody waits.
    throttle: Option<Mutex<Throttle>>,
    metrics: Metrics,
}

/// A call that came too soon after too many others, and is not heard.
#[derive(Debug, thiserror::Error)]
#[error("Message {call} dropped: {why}")]
pub(crate) struct TooMany {
    call: &'static str,
    why: Exceeded,
}

impl Pace {
    pub(crate) fn new(limits: &RateLimits, metrics: &Metrics) -> Pace {
        let throttle = (*limits != RateLimits::default()).then(|| Mutex::new(Throttle::new(limits.clone())));
        Pace { throttle, metrics: metrics.clone() }
    }

    /// Waits until a call may be heard. Who calls without proving a name is the one its framework says it is.
    ///
    /// Errors: too many of the same principal wait already.
    pub(crate) async fn wait(
        &self,
        call: &Call,
        principal: Option<&str>,
        gate: &Gate,
        edge: &Edge<Master>,
    ) -> Result<(), TooMany> {
        let Some(throttle) = &self.throttle else { return Ok(()) };
        let said = principal.map(str::to_owned).or_else(|| of_framework(call, gate));
        self.count(said.as_deref(), "messages_received");
        let now = edge.runtime.elapsed();
        let admitted = throttle.lock().unwrap_or_else(PoisonError::into_inner).admit(said.as_deref(), now);
        let wait = admitted.map_err(|why| TooMany { call: call.name(), why })?;
        if !wait.is_zero() {
            edge.runtime.sleep(wait).await;
        }
        self.count(said.as_deref(), "messages_processed");
        Ok(())
    }

    /// Source: Mesos metrics, family `frameworks/<principal>/`.
    fn count(&self, principal: Option<&str>, what: &str) {
        if let Some(principal) = principal {
            self.metrics.counter(format!("frameworks/{principal}/{what}")).increment(1);
        }
    }
}

/// The principal of a framework that is there: one that is not could be called anything.
fn of_framework(call: &Call, gate: &Gate) -> Option<String> {
    let snapshot = gate.published.load();
    snapshot.frameworks.get(call.framework_id()?)?.info.principal.clone()
}
