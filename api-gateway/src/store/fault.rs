//! What an error of the Kubernetes API means to our client: the one place where it is decided.

use axum::http::StatusCode;
use kube::{Error, core::Status};
use sky_crd::api::snake_case;

use crate::{
    error::ApiError,
    validate::{
        entry::{Entry, Loc},
        json::Json,
    },
};

const UNREACHABLE: &str = "The Kubernetes API does not answer: try again";
const OVERLOADED: &str = "The Kubernetes API is overloaded: try again";
const NO_RIGHTS: &str = "The gateway lacks rights in the cluster: its administrator must mend this";
const UNEXPECTED: &str = "The Kubernetes API gave an unexpected answer";

/// The error for our client.
pub(super) fn from_kube(error: Error) -> ApiError {
    match error {
        Error::Api(status) => from_status(&status),
        Error::SerdeError(_) | Error::BuildRequest(_) | Error::HttpError(_) | Error::FromUtf8(_) => {
            ApiError::Internal { public: UNEXPECTED, cause: error.to_string() }
        }
        other => ApiError::Unavailable { public: UNREACHABLE, cause: other.to_string() },
    }
}

/// The Kubernetes API took longer than we wait.
pub(super) fn timed_out() -> ApiError {
    ApiError::Unavailable { public: UNREACHABLE, cause: "timed out".to_owned() }
}

fn from_status(status: &Status) -> ApiError {
    let cause = || format!("{}: {}", status.reason, status.message);
    match status.code {
        422 => ApiError::Invalid(invalid_fields(status)),
        400 => refused(StatusCode::BAD_REQUEST, status),
        // A quota and an admission rule answer 403 as missing rights do, but the user can mend these.
        // Admission may answer with any code of its own.
        401..500 if is_policy(&status.message) => refused(StatusCode::FORBIDDEN, status),
        413 => refused(StatusCode::PAYLOAD_TOO_LARGE, status),
        401 | 403 => ApiError::Internal { public: NO_RIGHTS, cause: cause() },
        409 => ApiError::Conflict(status.message.clone()),
        429 => ApiError::Unavailable { public: OVERLOADED, cause: cause() },
        code if code >= 500 => ApiError::Unavailable { public: UNREACHABLE, cause: cause() },
        _ => ApiError::Internal { public: UNEXPECTED, cause: cause() },
    }
}

fn refused(status: StatusCode, answer: &Status) -> ApiError {
    ApiError::Refused { status, message: answer.message.clone() }
}

fn is_policy(message: &str) -> bool {
    [
        "exceeded quota",
        "denied the request",
        "denied request",
        "is being terminated",
        "forbidden: maximum",
        "must specify",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// The schema's refusals as entries at the body's fields, which are the resource's in snake_case.
fn invalid_fields(status: &Status) -> Vec<Entry> {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    // `<nil>` stands on the remark that other rules were not looked at.
    let named = causes.iter().filter(|cause| cause.field != "<nil>");
    let entries: Vec<_> =
        named.map(|cause| Entry::value_error(location(&cause.field), &cause.message, Json::Null)).collect();
    if entries.is_empty() {
        vec![Entry::value_error(vec!["body".into()], &status.message, Json::Null)]
    } else {
        entries
    }
}

fn location(field: &str) -> Vec<Loc> {
    let path = field.strip_prefix("spec.").unwrap_or(field);
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty());
    let step = |step: &str| step.parse().map_or_else(|_| Loc::Key(snake_case(step)), Loc::Index);
    std::iter::once("body".into()).chain(steps.map(step)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, message: &str) -> ApiError {
        from_status(&Status::failure(message, "Reason").with_code(code))
    }

    #[test]
    fn the_cluster_s_rules_are_the_user_s_to_mend_and_its_outages_are_not() {
        let quota = "skytasks.skytask.dev \"x\" is forbidden: exceeded quota: q, requested: count/skytasks=1";
        assert!(matches!(status(403, quota), ApiError::Refused { status: StatusCode::FORBIDDEN, .. }));
        let denied = "admission webhook \"p.example\" denied the request: no GPUs on Fridays";
        assert!(matches!(status(403, denied), ApiError::Refused { .. }));
        let teapot = "admission webhook \"p.example\" denied the request: not today";
        assert!(matches!(status(418, teapot), ApiError::Refused { status: StatusCode::FORBIDDEN, .. }));
        let rights = "skytasks.skytask.dev is forbidden: User \"x\" cannot create resource";
        assert!(matches!(status(403, rights), ApiError::Internal { .. }));
        assert!(matches!(status(429, ""), ApiError::Unavailable { .. }));
        assert!(matches!(status(504, ""), ApiError::Unavailable { .. }));
    }

    #[test]
    fn fields_of_the_resource_become_fields_of_the_body() {
        let loc = |field: &str| serde_json::to_value(location(field)).unwrap();
        assert_eq!(loc("spec.numNodes"), serde_json::json!(["body", "num_nodes"]));
        assert_eq!(loc("spec.volumes[2].mountPath"), serde_json::json!(["body", "volumes", 2, "mount_path"]));
    }
}
