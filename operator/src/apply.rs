//! Writes children: the only file that creates or changes them.

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service},
        networking::v1::Ingress,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{Patch, PatchParams, PostParams, Request},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sky_crd::{FIELD_MANAGER, condition::Reason, label};
use sky_operator_core::{
    owner::controller_uid,
    plan::{AddressKind, Applied, Refusal, Write},
    task::TOKEN_KEY,
};

use crate::{
    delete,
    error::PassError,
    kinds::Kind,
    metrics::Metrics,
    request::{DEADLINE, within_deadline},
};

/// Applies one write in the namespace of the object that is reconciled.
pub(crate) async fn apply(
    client: &Client,
    namespace: &str,
    write: Write,
    metrics: &Metrics,
) -> Result<Applied, PassError> {
    match write {
        Write::CreateScripts(object) => {
            metrics.wrote("configmaps");
            create::<ConfigMap>(client, namespace, &object).await.map(|_| Applied::Other)
        }
        Write::PutService(object) => {
            metrics.wrote("services");
            put::<Service>(client, namespace, &object).await.map(|service| Applied::Service(Box::new(service)))
        }
        Write::PutIngress(object) => {
            metrics.wrote("ingresses");
            put::<Ingress>(client, namespace, &object).await.map(|ingress| Applied::Ingress(Box::new(ingress)))
        }
        Write::DeleteAddress { kind, name, uid } => {
            match kind {
                AddressKind::Service => {
                    metrics.wrote("services");
                    delete::known::<Service>(client, namespace, &name, &uid).await?;
                }
                AddressKind::Ingress => {
                    metrics.wrote("ingresses");
                    delete::known::<Ingress>(client, namespace, &name, &uid).await?;
                }
            }
            Ok(Applied::AddressGone(kind))
        }
        Write::CreateNetwork { service, token } => {
            metrics.wrote("services");
            let service = create::<Service>(client, namespace, &service).await?;
            metrics.wrote("secrets");
            create_token(client, namespace, *token, &service).await
        }
        Write::CreateChangedJob { job, body } => {
            metrics.wrote("jobs");
            create_changed(client, namespace, &job, &body).await.map(|job| Applied::Job(Box::new(job)))
        }
        Write::CreateJob(object) => {
            metrics.wrote("jobs");
            create::<Job>(client, namespace, &object).await.map(|job| Applied::Job(Box::new(job)))
        }
        Write::DeleteJob { name, uid } => {
            metrics.wrote("jobs");
            delete::job(client, namespace, &name, uid).await
        }
        Write::DeleteExtras { services, scripts, owner } => {
            for service in services {
                metrics.wrote("services");
                delete::child::<Service>(client, namespace, &service, &owner).await?;
            }
            for scripts in scripts {
                metrics.wrote("configmaps");
                delete::child::<ConfigMap>(client, namespace, &scripts, &owner).await?;
            }
            Ok(Applied::ExtrasGone)
        }
        Write::DeleteTask { name, uid } => {
            metrics.wrote("skytasks");
            delete::task(client, namespace, &name, uid).await
        }
        Write::CreateClaim(object) => {
            metrics.wrote("persistentvolumeclaims");
            create::<PersistentVolumeClaim>(client, namespace, &object)
                .await
                .map(|claim| Applied::Claim(Box::new(claim)))
        }
        Write::GrowClaim { claim, uid, resource_version, size } => {
            let change = json!({"spec": {"resources": {"requests": {"storage": size}}}});
            let what = format!("grow claim {claim} to {}", size.0);
            metrics.wrote("persistentvolumeclaims");
            change_claim(client, namespace, &claim, (&uid, &resource_version), change, &what).await
        }
        Write::SetClaimOwners { claim, uid, resource_version, owners } => {
            metrics.wrote("persistentvolumeclaims");
            let change = json!({"metadata": {"ownerReferences": owners}});
            let what = format!("set the owners of claim {claim}");
            change_claim(client, namespace, &claim, (&uid, &resource_version), change, &what).await
        }
    }
}

/// Whether the object is still there, not being deleted, and at the version that was planned with. Asked of the API
/// server itself before Jobs are created: no cache, however old, can make a task run twice.
pub(crate) async fn confirm<K: Kind>(client: &Client, namespace: &str, planned: &K) -> Result<(), PassError> {
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let name = planned.name_any();
    let live = within_deadline("read the object", api.get_opt(&name)).await?;
    let same = live.is_some_and(|live| {
        live.meta().deletion_timestamp.is_none()
            && live.meta().uid == planned.meta().uid
            && live.meta().resource_version == planned.meta().resource_version
    });
    if same { Ok(()) } else { Err(PassError::Stale) }
}

/// Creates the Secret with a token that nobody has seen. One of that name is the one of an earlier pass, and keeps its
/// token: it is named by the UID of the task, and the operator has no right to read it.
async fn create_token(
    client: &Client,
    namespace: &str,
    mut secret: Secret,
    owner: &Service,
) -> Result<Applied, PassError> {
    let token = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    secret.string_data = Some([(TOKEN_KEY.to_owned(), token)].into());
    secret.metadata.owner_references = Some(owner.owner_ref(&()).into_iter().collect());
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let what = format!("create Secret {}", secret.name_any());
    posted(what, api.create(&post_params(), &secret)).await.map(|_| Applied::Other)
}

/// What a request to create brought; `None` if there is something of that name already.
async fn posted<K>(what: String, request: impl Future<Output = kube::Result<K>>) -> Result<Option<K>, PassError> {
    match tokio::time::timeout(DEADLINE, request).await {
        Err(_) => Err(PassError::Timeout(what)),
        Ok(Ok(created)) => Ok(Some(created)),
        Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => Ok(None),
        Ok(Err(error)) => Err(PassError::of_child(&what, error)),
    }
}

fn post_params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// Creates an object, or adopts the one of that name if it has the same controller (or, where it has none, none either)
/// and is not being deleted. Anything else of that name is a conflict and never touched.
async fn create<K>(client: &Client, namespace: &str, object: &K) -> Result<K, PassError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Serialize
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let what = format!("create {} {}", K::kind(&()), object.name_any());
    match posted(what, api.create(&post_params(), object)).await? {
        Some(created) => Ok(created),
        None => adopt(&api, object).await,
    }
}

/// Creates an object or adopts it, and replaces one of the same owner that was made for something else: in an earlier
/// attempt, or under other rules of the administrator.
async fn put<K>(client: &Client, namespace: &str, object: &K) -> Result<K, PassError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Serialize
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let present = create(client, namespace, object).await?;
    if present.annotations().get(label::FORM) == object.annotations().get(label::FORM) {
        return Ok(present);
    }
    let (name, uid) = (present.name_any(), present.uid().unwrap_or_default());
    delete::known::<K>(client, namespace, &name, &uid).await?;
    // A load balancer's Service stays until that is gone, and its name is not free before.
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let what = format!("create {} {name}", K::kind(&()));
    posted(what, api.create(&post_params(), object)).await?.ok_or(PassError::Stale)
}

/// Creates a Job from JSON, or adopts it. The API server is told to refuse fields that it does not know: what is written
/// wrong would be dropped silently otherwise.
async fn create_changed(client: &Client, namespace: &str, job: &Job, body: &Value) -> Result<Job, PassError> {
    let what = format!("create Job {}", job.name_any());
    let unreadable = |source| PassError::Request { what: what.clone(), source: Box::new(source) };
    let bytes = serde_json::to_vec(body).map_err(|error| unreadable(kube::Error::SerdeError(error)))?;
    let request = Request::new(Job::url_path(&(), Some(namespace))).create(&post_params(), bytes);
    let mut request = request.map_err(|error| unreadable(kube::Error::BuildRequest(error)))?;
    let strict = format!("{}&fieldValidation=Strict", request.uri());
    *request.uri_mut() = strict.parse().map_err(|error| unreadable(kube::Error::HttpError(Into::into(error))))?;
    match posted(what, client.request::<Job>(request)).await? {
        Some(created) => Ok(created),
        None => adopt(&Api::namespaced(client.clone(), namespace), job).await,
    }
}

async fn adopt<K>(api: &Api<K>, object: &K) -> Result<K, PassError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
{
    let name = object.name_any();
    let present = within_deadline("read an object of that name", api.get_opt(&name)).await?.ok_or(PassError::Stale)?;
    if present.meta().deletion_timestamp.is_some() {
        // A predecessor on its way out; the name is free in a moment.
        return Err(PassError::Stale);
    }
    if controller_uid(present.meta()) == controller_uid(object.meta()) && present.labels() == object.labels() {
        return Ok(present);
    }
    let message = format!("a {} named {name} exists that does not belong to this object", K::kind(&()));
    Err(PassError::Refused(Refusal { reason: Reason::NameConflict, message }))
}

/// Changes a claim, provided that it is this one in this version.
async fn change_claim(
    client: &Client,
    namespace: &str,
    claim: &str,
    (uid, version): (&str, &str),
    mut change: Value,
    what: &str,
) -> Result<Applied, PassError> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    change["metadata"]["uid"] = json!(uid);
    change["metadata"]["resourceVersion"] = json!(version);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patched = tokio::time::timeout(DEADLINE, api.patch(claim, &params, &Patch::Merge(&change))).await;
    let patched = patched.map_err(|_| PassError::Timeout(what.to_owned()))?;
    patched.map(|claim| Applied::Claim(Box::new(claim))).map_err(|error| PassError::of_child(what, error))
}
