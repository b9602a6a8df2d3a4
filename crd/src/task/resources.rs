//! What a node needs.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accelerator::Accelerator;

/// What every node of a task needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// Cores, as a number or a Kubernetes quantity (`4`, `500m`). Request and limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<IntOrString>,
    /// Memory, as a Kubernetes quantity (`8Gi`); a plain number counts as gigabytes. Request and limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<IntOrString>,
    /// GPUs per node; the first that the cluster has is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub accelerators: Vec<Accelerator>,
    /// Instance type of a cloud. Accepted and not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub instance_type: Option<String>,
    /// Whether spot machines will do. Accepted and not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_spot: Option<bool>,
    /// Disk size, as a quantity; a plain number counts as gigabytes. Accepted and not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_size: Option<IntOrString>,
    /// Ports that the task serves. Accepted and not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub ports: Vec<IntOrString>,
    /// Container image. Default: the operator's `--default-image`, `python:3.13-slim` unless changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub image_id: Option<String>,
}

impl Resources {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
