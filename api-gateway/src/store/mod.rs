//! Tasks and volumes: lists come from a cache that one watch per kind keeps, single objects from the API server.

pub mod cache;
pub mod cached;
mod fault;
pub mod secrets;
pub mod shelf;
pub mod volumes;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{Api, Client};
use sky_crd::{task::SkyTask, volume::SkyVolume};

use shelf::Shelf;

/// Everything that the gateway reads and writes, in one namespace.
#[derive(Clone, Debug)]
pub struct Store {
    /// The namespace.
    pub namespace: String,
    /// The tasks.
    pub tasks: Arc<Shelf<SkyTask>>,
    /// The volumes.
    pub volumes: Arc<Shelf<SkyVolume>>,
    /// The pods, for their logs.
    pub pods: Api<Pod>,
    /// The Secrets, to be created.
    pub secrets: Api<Secret>,
}

impl Store {
    /// The objects in `namespace`. Nothing is read before the watches run.
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            tasks: Arc::new(Shelf::new(Api::namespaced(client.clone(), namespace))),
            volumes: Arc::new(Shelf::new(Api::namespaced(client.clone(), namespace))),
            pods: Api::namespaced(client.clone(), namespace),
            secrets: Api::namespaced(client, namespace),
        }
    }
}
