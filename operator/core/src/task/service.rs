//! The headless Service that gives the nodes of a task their addresses `node-{i}.task-{id}`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use sky_crd::label;

use super::{ValidTask, child};

/// The Service, for tasks of several nodes. Addresses are there before the containers are ready: the nodes look for each
/// other while they start.
pub(super) fn service(task: &ValidTask) -> Option<Service> {
    let selector = BTreeMap::from([
        (label::TASK_ID.to_owned(), task.id.to_string()),
        (label::USER_HASH.to_owned(), task.user.hash()),
    ]);
    (task.nodes > 1).then(|| Service {
        metadata: child::metadata(task, task.names.service()),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(selector),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}
