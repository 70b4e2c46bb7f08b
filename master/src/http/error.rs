//! Why a call was turned away, and which HTTP status says so.

use libprocess::http::StatusCode;
use model::{FrameworkId, StreamId, TaskId, brief};

/// Why a call was turned away. The texts are public: clients print and compare them.
///
/// Source: Mesos scheduler HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The master is not leading yet.
    #[error("Master has not finished recovery")]
    Recovering,
    /// Nobody leads, as far as this master knows; it may have been the one.
    #[error("No leader elected")]
    NoLeader,
    /// No such framework, or one that has ended.
    #[error("Framework cannot be found")]
    UnknownFramework,
    /// Somebody else's framework.
    #[error(
        "Authenticated principal '{principal}' does not match principal '{expected}' set in `FrameworkInfo`"
    )]
    WrongPrincipal {
        /// Who asks.
        principal: String,
        /// Whose it is.
        expected: String,
    },
    /// The framework reads no stream at present.
    #[error("Framework is not subscribed")]
    NotSubscribed,
    /// The call does not say which stream it belongs to.
    #[error("All non-subscribe calls should include the 'Mesos-Stream-Id' header")]
    NoStream,
    /// The call belongs to a stream that has been replaced, or to another's.
    #[error(
        "The stream ID '{}' included in this request didn't match the stream ID currently associated \
         with framework ID {framework}",
        brief(given.as_str())
    )]
    WrongStream {
        /// What the call said.
        given: StreamId,
        /// Whose stream it is not.
        framework: FrameworkId,
    },
    /// A change of the framework that is not allowed.
    #[error("FrameworkInfo update is not valid: {0}")]
    InvalidUpdate(String),
    /// An operator named a framework that is not there.
    #[error("No framework found with specified ID")]
    NoSuchFramework,
    /// An operator named an agent that is not there.
    #[error("No agent found with specified ID")]
    NoSuchAgent,
    /// What an operator asks makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Somebody may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// What an operator asks cannot be done as things are.
    #[error("{0}")]
    Conflict(String),
    /// What an operator names is not there.
    #[error("{0}")]
    NotFound(String),
    /// Something else has to be over first; trying again helps.
    #[error("{0}")]
    Busy(String),
    /// An operator named a task that does not run.
    #[error("No task '{}' found for the framework", brief(.0.as_str()))]
    NoSuchTask(TaskId),
}

impl Rejected {
    /// The status that goes with the text.
    pub fn status(&self) -> StatusCode {
        match self {
            Rejected::Recovering | Rejected::NoLeader => StatusCode::SERVICE_UNAVAILABLE,
            Rejected::NotSubscribed | Rejected::Forbidden(_) => StatusCode::FORBIDDEN,
            Rejected::Conflict(_) => StatusCode::CONFLICT,
            Rejected::NotFound(_) => StatusCode::NOT_FOUND,
            Rejected::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Rejected::UnknownFramework
            | Rejected::WrongPrincipal { .. }
            | Rejected::NoStream
            | Rejected::WrongStream { .. }
            | Rejected::InvalidUpdate(_)
            | Rejected::NoSuchFramework
            | Rejected::NoSuchAgent
            | Rejected::Invalid(_)
            | Rejected::NoSuchTask(_) => StatusCode::BAD_REQUEST,
        }
    }
}
