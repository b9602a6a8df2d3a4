//! Why a pass did not come to its end.

use kube::core::Status;
use sky_crd::condition::Reason;
use sky_operator_core::{class::ErrorClass, plan::Refusal};

/// A failed pass. Each case has a class, and the class decides when the pass is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    /// A request failed.
    #[error("{what}: {source}")]
    Request {
        /// Which request.
        what: String,
        /// How.
        #[source]
        source: Box<kube::Error>,
    },
    /// A request took too long.
    #[error("{0}: no answer in time")]
    Timeout(String),
    /// The object has changed, or gone, since it was read.
    #[error("the object is newer than what was read")]
    Stale,
    /// The cluster refuses a child and says why. The status says it too.
    #[error("{}", .0.message)]
    Refused(Refusal),
}

impl PassError {
    /// What kind of failure it is.
    pub(crate) fn class(&self) -> ErrorClass {
        match self {
            Self::Stale => ErrorClass::Conflict,
            Self::Timeout(_) => ErrorClass::Transient,
            Self::Refused(_) => ErrorClass::Refused,
            Self::Request { source, .. } => class_of(source),
        }
    }

    /// The failure of a write of a child: what the cluster has refused with reasons becomes a [`PassError::Refused`].
    pub(crate) fn of_child(what: &str, error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if is_refusal(status) => {
                Self::Refused(Refusal { reason: Reason::Refused, message: format!("{what}: {}", status.message) })
            }
            _ => Self::Request { what: what.to_owned(), source: Box::new(error) },
        }
    }
}

/// Quota, admission, validation. A 403 for our own missing rights is one too: its words are what an administrator needs.
fn is_refusal(status: &Status) -> bool {
    matches!(status.code, 400 | 403 | 413 | 422)
}

fn class_of(error: &kube::Error) -> ErrorClass {
    match error {
        kube::Error::Api(status) => match status.code {
            404 | 409 => ErrorClass::Conflict,
            429 => ErrorClass::Throttled,
            400..=499 => ErrorClass::Refused,
            _ => ErrorClass::Transient,
        },
        kube::Error::SerdeError(_) | kube::Error::BuildRequest(_) => ErrorClass::Bug,
        _ => ErrorClass::Transient,
    }
}
