//! Why a request is turned away. The texts are public.

use api::content::{DecodeError, MediaError};
use libprocess::http::{BodyError, Response, StatusCode};

/// Whatever is wrong with a request, as its sender reads it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Wrong {
    pub status: StatusCode,
    pub text: String,
}

impl Wrong {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn response(self) -> Response {
        Response::text(self.status, self.text)
    }
}

impl From<MediaError> for Wrong {
    fn from(error: MediaError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, error.to_string())
    }
}

impl From<DecodeError> for Wrong {
    fn from(error: DecodeError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<BodyError> for Wrong {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

impl From<Refused> for Wrong {
    fn from(refused: Refused) -> Self {
        Self::new(refused.status(), refused.to_string())
    }
}

/// Why an executor may not speak.

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
    /// Source: Mesos executor HTTP API.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Refused::Recovering => StatusCode::SERVICE_UNAVAILABLE,
            Refused::UnknownFramework | Refused::UnknownExecutor => StatusCode::BAD_REQUEST,
            Refused::NotSubscribed => StatusCode::FORBIDDEN,
        }
    }
}
