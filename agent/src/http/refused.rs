//! Why an executor's call is turned away. The texts are public.

use libprocess::http::{Response, StatusCode};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("Agent has not finished recovery")]
    Recovering,
    #[error("Framework cannot be found")]
    UnknownFramework,
    #[error("Executor cannot be found")]
    UnknownExecutor,
    #[error("Executor is not subscribed")]
    NotSubscribed,
}

impl Refused {
    /// Source: golden/executor, http-endpoints §5.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Refused::Recovering => StatusCode::SERVICE_UNAVAILABLE,
            Refused::UnknownFramework | Refused::UnknownExecutor => StatusCode::BAD_REQUEST,
            Refused::NotSubscribed => StatusCode::FORBIDDEN,
        }
    }

    pub(crate) fn response(self) -> Response {
        Response::text(self.status(), self.to_string())
    }
}
