//! What the cache has to know about a kind, and what of its objects it keeps.

use std::{collections::BTreeMap, fmt::Debug};

use kube::{Resource, ResourceExt as _, core::NamespaceResourceScope};
use serde::{Serialize, de::DeserializeOwned};
use sky_crd::{
    TaskId, label, quantity,
    task::SkyTask,
    volume::{SkyVolume, SkyVolumeSpec},
};

use crate::error::Thing;

/// Keys of labels and annotations by which Flux and Argo CD know the objects that they keep as their source says.
const TRACKING_KEYS: [&str; 4] = [
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
    "argocd.argoproj.io/instance",
    "argocd.argoproj.io/tracking-id",
];

/// A kind that the gateway serves.
pub trait Cached:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
    /// Which thing this is to users.
    const THING: Thing;
    /// Label that carries the id, on objects that came through a gateway.
    const ID_LABEL: &'static str;

    /// Whom the object belongs to, as written in its specification.
    fn owner(&self) -> &str;
    /// The id under which the API shows it.
    fn id(&self) -> TaskId;
    /// Drops what no list and no status needs: scripts are up to a megabyte per task.
    fn slim(&mut self);
    /// Whether both ask for the same.
    fn same_spec(&self, other: &Self) -> bool;
}

impl Cached for SkyTask {
    const THING: Thing = Thing::Task;
    const ID_LABEL: &'static str = label::TASK_ID;

    fn owner(&self) -> &str {
        &self.spec.user
    }

    fn id(&self) -> TaskId {
        self.task_id()
    }

    fn slim(&mut self) {
        slim_metadata(self);
        self.spec.run = None;
        self.spec.setup = None;
        self.spec.envs = BTreeMap::new();
        self.spec.file_mounts = Vec::new();
    }

    fn same_spec(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

impl Cached for SkyVolume {
    const THING: Thing = Thing::Volume;
    const ID_LABEL: &'static str = label::VOLUME_ID;

    fn owner(&self) -> &str {
        &self.spec.user
    }

    fn id(&self) -> TaskId {
        self.volume_id()
    }

    fn slim(&mut self) {
        slim_metadata(self);
    }

    /// `1Gi` and `1024Mi` are one size.
    fn same_spec(&self, other: &Self) -> bool {
        let canonical =
            |volume: &Self| SkyVolumeSpec { size: quantity::canonical(&volume.spec.size), ..volume.spec.clone() };
        canonical(self) == canonical(other)
    }
}

fn slim_metadata(object: &mut impl Resource) {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    // `kubectl apply` keeps the whole object once more in an annotation.
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|key, _| TRACKING_KEYS.contains(&key.as_str()));
    }
}

/// Which GitOps tool keeps this object, if one does: deleting it here would only make that tool create it again.
pub fn tracked_by(object: &impl Resource) -> Option<&'static str> {
    let marked = |key: &str| object.labels().contains_key(key) || object.annotations().contains_key(key);
    let key = TRACKING_KEYS.into_iter().find(|key| marked(key))?;
    Some(if key.contains("fluxcd") { "Flux" } else { "Argo CD" })
}

/// Whether the object came through a gateway.
pub fn came_through_gateway(object: &impl Resource) -> bool {
    object.labels().get(label::MANAGED_BY).is_some_and(|value| value == label::MANAGED_BY_CLI)
}

/// Whether it is still there for users.
pub fn is_alive(object: &impl Resource) -> bool {
    object.meta().deletion_timestamp.is_none()
}
