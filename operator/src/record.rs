//! Writes status: the only file that does.

use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;
use sky_crd::FIELD_MANAGER;

use crate::{error::PassError, kinds::Kind, metrics::Metrics, request::within_deadline};

/// Replaces the whole status of `object`, provided that the object is still at the version that was planned with: an old
/// cache must not undo what is final. Returns the new version.
pub(crate) async fn record<K: Kind>(
    client: &Client,
    namespace: &str,
    object: &K,
    status: &K::Status,
    metrics: &Metrics,
) -> Result<String, PassError> {
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    // A merge patch would keep the keys that a new status no longer has. Naming the version makes the API server refuse
    // the patch with 409 when the object has moved on.
    let operations = json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": object.resource_version()},
        {"op": "add", "path": "/status", "value": status},
    ]);
    let unreadable = |error| PassError::Request {
        what: "build the status".to_owned(),
        source: Box::new(kube::Error::SerdeError(error)),
    };
    let patch: Patch<()> = Patch::Json(serde_json::from_value(operations).map_err(unreadable)?);
    metrics.wrote(K::RESOURCE);
    let name = object.name_any();
    let patched = within_deadline("record the status", api.patch_status(&name, &params, &patch)).await?;
    Ok(patched.resource_version().unwrap_or_default())
}
