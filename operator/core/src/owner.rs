//! Who owns an object: the one question on which adoption rests.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;

/// The object that children belong to.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// Its namespace, and so the children's.
    pub namespace: String,
    /// Its UID.
    pub uid: String,
    /// The reference that children carry. It blocks foreground deletion until the child is gone.
    pub reference: OwnerReference,
}

impl Owner {
    /// The owner that `object` is; `None` for an object that no API server has seen (no UID, name or namespace).
    pub fn of<K: Resource<DynamicType = ()>>(object: &K) -> Option<Self> {
        let mut reference = object.controller_owner_ref(&())?;
        reference.block_owner_deletion = Some(true);
        Some(Self { namespace: object.meta().namespace.clone()?, uid: reference.uid.clone(), reference })
    }

    /// Whether this owner is the controller of the object with `metadata`.
    pub fn controls(&self, metadata: &ObjectMeta) -> bool {
        controller_uid(metadata) == Some(&self.uid)
    }
}

/// UID of the object's controller.
pub fn controller_uid(metadata: &ObjectMeta) -> Option<&str> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}
