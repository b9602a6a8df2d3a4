//! Whether objects exist that a task names, as far as that can be told without reading them.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client, api::PostParams, core::ObjectMeta};

use crate::{
    error::PassError,
    request::{DEADLINE, within_deadline},
};

/// Whether there is a Secret of this name. Who may get a Secret reads it, and who may list Secrets reads all: the operator
/// has neither right. It asks to create one, dry: nothing is ever created, and the name is taken or not.
pub(crate) async fn secret(client: &Client, namespace: &str, name: &str) -> Result<bool, PassError> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let probe = Secret { metadata, ..Secret::default() };
    let what = format!("look for the Secret {name}");
    match tokio::time::timeout(DEADLINE, secrets.create(&dry, &probe)).await {
        Err(_) => Err(PassError::Timeout(what)),
        Ok(Ok(_)) => Ok(false),
        Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => Ok(true),
        // A quota or an admission that refuses new Secrets, or a name that none can have: the kubelet will tell.
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 400 | 403 | 422) => Ok(true),
        Ok(Err(source)) => Err(PassError::Request { what, source: Box::new(source) }),
    }
}

/// Whether there is a ConfigMap of this name.
pub(crate) async fn config_map(client: &Client, namespace: &str, name: &str) -> Result<bool, PassError> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = within_deadline("look for a ConfigMap", maps.get_metadata_opt(name)).await?;
    Ok(found.is_some())
}
