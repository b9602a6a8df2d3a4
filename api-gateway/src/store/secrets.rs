//! The Secrets of tasks: written once, and never read.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _, api::PostParams};
use tokio::time::timeout;

use super::{
    fault,
    shelf::{CALL, FIELD_MANAGER},
};
use crate::error::ApiError;

/// Creates a Secret. One of that name is the first attempt of a repeated request: it is named after its task, which has a
/// random id.
pub async fn create(api: &Api<Secret>, secret: &Secret) -> Result<(), ApiError> {
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match timeout(CALL, api.create(&params, secret)).await {
        Ok(Ok(_)) => {
            tracing::info!(verb = "create", kind = "Secret", name = secret.name_any(), "write");
            Ok(())
        }
        Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => Ok(()),
        Ok(Err(error)) => Err(fault::from_kube(error)),
        Err(_) => Err(fault::timed_out()),
    }
}
