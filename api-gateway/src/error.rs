//! Everything that can go wrong, and the answer for it, in FastAPI's shape: `{"detail": …}`.

use axum::{
    Json as JsonBody,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::validate::entry::Entry;

/// Which kind of thing is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A task.
    Task,
    /// A volume.
    Volume,
}

impl Thing {
    /// The word in the original's messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Volume => "Volume",
        }
    }
}

/// Why a request fails. What the user can mend is 4xx and says how; 5xx is our fault or the cluster's.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ApiError {
    /// 422: the request itself is wrong.
    #[error("the request is not valid: {} errors", .0.len())]
    Invalid(Vec<Entry>),
    /// 400: the body cannot be read at all.
    #[error("There was an error parsing the body")]
    UnreadableBody,
    /// 408: the body did not arrive in time.
    #[error("The body did not arrive within {0} seconds")]
    SlowBody(u64),
    /// 413: the body is too large.
    #[error("The body is larger than {0} bytes: a script belongs into a volume or an image then")]
    BodyTooLarge(usize),
    /// 404: this user has no such thing.
    #[error("{} {id} not found", .thing.noun())]
    NotFound {
        /// What was looked for.
        thing: Thing,
        /// Its id, as the client wrote it.
        id: String,
    },
    /// 409: the state of the thing forbids it.
    #[error("{0}")]
    Conflict(String),
    /// 403 or 400: the cluster's rules (quota, admission) refuse it, in their own words.
    #[error("{message}")]
    Refused {
        /// The cluster's status.
        status: StatusCode,
        /// The cluster's words.
        message: String,
    },
    /// 429: this user has too many log streams open.
    #[error("User {user} has {limit} log streams open already: close one first")]
    TooManyStreams {
        /// Whose streams.
        user: String,
        /// How many there may be.
        limit: usize,
    },
    /// 503: the cluster does not answer, or is overloaded. Trying again helps.
    #[error("{public}")]
    Unavailable {
        /// What the client may know.
        public: &'static str,
        /// What the log knows.
        cause: String,
    },
    /// 500: a fault of ours or of the installation.
    #[error("{public}")]
    Internal {
        /// What the client may know.
        public: &'static str,
        /// What the log knows.
        cause: String,
    },
}

/// Marks a 5xx answer: the middleware logs the cause with the request's id and tells the client the id.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What the client may know.
    pub public: &'static str,
    /// What the log knows.
    pub cause: String,
}

#[derive(Serialize)]
struct Body<T> {
    detail: T,
}

/// An answer `{"detail": …}`.
pub fn detail(status: StatusCode, detail: impl Serialize) -> Response {
    (status, JsonBody(Body { detail })).into_response()
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnreadableBody => StatusCode::BAD_REQUEST,
            Self::SlowBody(_) => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Refused { status, .. } => *status,
            Self::TooManyStreams { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = match &self {
            Self::Invalid(entries) => detail(self.status(), entries),
            _ => detail(self.status(), self.to_string()),
        };
        match self {
            Self::TooManyStreams { .. } | Self::SlowBody(_) => retry_after(&mut response),
            Self::Unavailable { public, cause } => {
                retry_after(&mut response);
                response.extensions_mut().insert(Fault { public, cause });
            }
            Self::Internal { public, cause } => drop(response.extensions_mut().insert(Fault { public, cause })),
            _ => {}
        }
        response
    }
}

fn retry_after(response: &mut Response) {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_faults_are_marked_as_such() {
        let missing = ApiError::NotFound { thing: Thing::Task, id: "abcdefgh".to_owned() };
        assert_eq!(missing.to_string(), "Task abcdefgh not found");
        assert!(missing.into_response().extensions().get::<Fault>().is_none());
        let down = ApiError::Unavailable { public: "The cluster does not answer", cause: "refused".to_owned() };
        let response = down.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.extensions().get::<Fault>().is_some() && response.headers().contains_key("retry-after"));
    }
}
