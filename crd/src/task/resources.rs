//! What a node needs.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accelerator::Accelerator;

/// What every node of a task needs. There is no `infra` as in SkyPilot: a SkyTask is of the cluster that it is applied to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// Cores, as a number or a Kubernetes quantity (`4`, `500m`). Request and limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<IntOrString>,
    /// Memory, as a Kubernetes quantity (`8Gi`); a plain number counts as gigabytes. Request and limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<IntOrString>,
    /// GPUs per node. Several are alternatives in order of preference: the first for which the cluster has machines is
    /// taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub accelerators: Vec<Accelerator>,
    /// Type of machine, as its label `node.kubernetes.io/instance-type` has it. Ignored, and the status says so, where no
    /// machine of the cluster is of that type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub instance_type: Option<String>,
    /// Spot machines, if the cluster has any; the status says when it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_spot: Option<bool>,
    /// Disk of a node, as a Kubernetes quantity; a plain number counts as gigabytes. Request and limit of ephemeral
    /// storage, where the cluster has a machine with so much; 256, SkyPilot's default, is the same as nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_size: Option<IntOrString>,
    /// Ports that rank 0 serves, each a number or a range (`9000-9010`). A Service makes them reachable: see `expose`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub ports: Vec<IntOrString>,
    /// Container image. Default: the operator's `--default-image`, `python:3.13-slim` unless changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub image_id: Option<String>,
    /// Alternatives in order of preference (SkyPilot's `ordered` and `any_of`). Each replaces what it names of the fields
    /// above; the first for which the cluster has machines is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub alternatives: Vec<Alternative>,
}

/// One alternative: what it names replaces the field of that name around it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// Cores, in place of `resources.cpus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<IntOrString>,
    /// Memory, in place of `resources.memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<IntOrString>,
    /// GPUs per node, in place of `resources.accelerators`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub accelerators: Vec<Accelerator>,
    /// Type of machine, in place of `resources.instanceType`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub instance_type: Option<String>,
    /// Spot machines, in place of `resources.useSpot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_spot: Option<bool>,
    /// Disk of a node, in place of `resources.diskSize`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_size: Option<IntOrString>,
    /// Container image, in place of `resources.imageId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub image_id: Option<String>,
    /// Labels of the pods, added to the task's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Resources {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What one alternative asks for; itself has none.
    #[must_use]
    pub fn with(&self, alternative: &Alternative) -> Self {
        let one = alternative.clone();
        Self {
            cpus: one.cpus.or_else(|| self.cpus.clone()),
            memory: one.memory.or_else(|| self.memory.clone()),
            accelerators: if one.accelerators.is_empty() { self.accelerators.clone() } else { one.accelerators },
            instance_type: one.instance_type.or_else(|| self.instance_type.clone()),
            use_spot: one.use_spot.or(self.use_spot),
            disk_size: one.disk_size.or_else(|| self.disk_size.clone()),
            image_id: one.image_id.or_else(|| self.image_id.clone()),
            ports: self.ports.clone(),
            alternatives: Vec::new(),
        }
    }
}
