//! Deletes: the only file that does. Every deletion names the UID that is meant, so that an object which took over the
//! name is never hit.

use k8s_openapi::{NamespaceResourceScope, api::batch::v1::Job};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{DeleteParams, Preconditions, PropagationPolicy},
};
use serde::de::DeserializeOwned;
use sky_crd::task::SkyTask;
use sky_operator_core::{owner::controller_uid, plan::Applied};

use crate::{
    error::PassError,
    request::{DEADLINE, within_deadline},
};

/// Deletes a Job in the foreground: it stays until its pods are gone, so its absence proves theirs.
pub(crate) async fn job(client: &Client, namespace: &str, name: &str, uid: String) -> Result<Applied, PassError> {
    let api: Api<Job> = Api::namespaced(client.clone(), namespace);
    match delete(&api, name, &uid, PropagationPolicy::Foreground).await? {
        Outcome::Gone => Ok(Applied::JobGone(uid)),
        Outcome::Going(job) => Ok(Applied::Job(job)),
        Outcome::Accepted => Ok(Applied::Other),
    }
}

/// Deletes a child of the object `owner`. One that has another controller, or none, is left alone.
pub(crate) async fn child<K>(client: &Client, namespace: &str, name: &str, owner: &str) -> Result<(), PassError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let present = within_deadline("read a child", api.get_opt(name)).await?;
    if let Some(present) = present.filter(|present| controller_uid(present.meta()) == Some(owner)) {
        delete(&api, name, &present.uid().unwrap_or_default(), PropagationPolicy::Background).await?;
    }
    Ok(())
}

/// Deletes the object of this UID.
pub(crate) async fn known<K>(client: &Client, namespace: &str, name: &str, uid: &str) -> Result<(), PassError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    delete(&api, name, uid, PropagationPolicy::Background).await.map(drop)
}

/// Deletes a SkyTask whose time is over. Garbage collection does the rest.
pub(crate) async fn task(client: &Client, namespace: &str, name: &str, uid: String) -> Result<Applied, PassError> {
    let api: Api<SkyTask> = Api::namespaced(client.clone(), namespace);
    delete(&api, name, &uid, PropagationPolicy::Background).await.map(|_| Applied::Other)
}

/// What became of an object that was to be deleted.
enum Outcome<K> {
    /// There is none of that UID.
    Gone,
    /// It is on its way out.
    Going(Box<K>),
    /// The API server says no more than that.
    Accepted,
}

async fn delete<K>(api: &Api<K>, name: &str, uid: &str, how: PropagationPolicy) -> Result<Outcome<K>, PassError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
{
    let params = DeleteParams {
        propagation_policy: Some(how),
        preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
        ..DeleteParams::default()
    };
    let what = format!("delete {} {name}", K::kind(&()));
    let deleted = tokio::time::timeout(DEADLINE, api.delete(name, &params)).await;
    match deleted.map_err(|_| PassError::Timeout(what.clone()))? {
        Ok(answer) => Ok(answer.left().map_or(Outcome::Accepted, |object| Outcome::Going(Box::new(object)))),
        // Nothing of that name, or something with another UID.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Outcome::Gone),
        Err(error) => Err(PassError::of_child(&what, error)),
    }
}
