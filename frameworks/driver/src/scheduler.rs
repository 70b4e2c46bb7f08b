//! What a scheduler is asked.

use model::call::Call;
use model::{AgentId, ExecutorId, FrameworkId, Offer, OfferId, TaskStatus};

use crate::Calls;

/// Decides what a framework does. Handlers run one at a time and must not block; what they say into
/// `calls` is sent in that order once they return.
pub trait Scheduler: Sized + Unpin + 'static {
    /// These resources are ours until we answer, or hear [`Scheduler::rescinded`].
    fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>);

    /// We are known to a master, for the first time or again. What was offered before is void.
    fn subscribed(&mut self, calls: &mut Calls, framework: &FrameworkId) {
        let _ = (calls, framework);
    }

    /// An offer was taken back before it was answered.
    fn rescinded(&mut self, calls: &mut Calls, offer: OfferId) {
        let _ = (calls, offer);
    }

    /// News of a task. It is acknowledged when this returns, unless [`Config::acknowledge`](crate::Config)
    /// says otherwise. The same news may come twice.
    fn update(&mut self, calls: &mut Calls, status: &TaskStatus) {
        let _ = (calls, status);
    }

    /// Bytes from an executor of ours.
    fn message(&mut self, calls: &mut Calls, agent: AgentId, executor: ExecutorId, data: Vec<u8>) {
        let _ = (calls, agent, executor, data);
    }

    /// An agent is lost, or an executor has ended with this wait status.
    fn failure(
        &mut self,
        calls: &mut Calls,
        agent: Option<AgentId>,
        executor: Option<ExecutorId>,
        status: Option<i32>,
    ) {
        let _ = (calls, agent, executor, status);
    }

    /// The connection is gone, or could not be made; the driver is trying again.
    fn disconnected(&mut self, calls: &mut Calls, why: &str) {
        let _ = (calls, why);
    }

    /// The master refused a call, or it may not have arrived.
    fn refused(&mut self, calls: &mut Calls, call: &Call, why: &str) {
        let _ = (calls, call, why);
    }

    /// The master will not have this framework; the driver stops after this.
    fn error(&mut self, calls: &mut Calls, message: &str) {
        let _ = (calls, message);
    }
}
