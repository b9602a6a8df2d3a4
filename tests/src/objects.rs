//! All objects of a namespace that a task has to do with, as they are without what the cluster says of them.

use std::collections::BTreeMap;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service},
    },
};
use kube::{Resource, ResourceExt as _};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::space::Space;

/// Objects by kind and name.
pub type Objects = BTreeMap<String, Value>;

/// The objects that there are now.
pub async fn all(space: &Space) -> Objects {
    let mut all = Objects::new();
    add::<Job>(space, &mut all).await;
    add::<Service>(space, &mut all).await;
    add::<ConfigMap>(space, &mut all).await;
    add::<Secret>(space, &mut all).await;
    add::<PersistentVolumeClaim>(space, &mut all).await;
    add::<Pod>(space, &mut all).await;
    all
}

async fn add<K>(space: &Space, all: &mut Objects)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Serialize
        + std::fmt::Debug,
{
    for object in space.api::<K>().list(&Default::default()).await.expect("a list").items {
        let (name, mut seen) = (format!("{} {}", K::kind(&()), object.name_any()), json!(object));
        seen.as_object_mut().expect("an object").remove("status");
        // Every change of a status moves this, and a Job's status may come late.
        for key in ["resourceVersion", "managedFields"] {
            seen["metadata"].as_object_mut().expect("metadata").remove(key);
        }
        all.insert(name, seen);
    }
}
