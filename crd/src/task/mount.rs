//! A volume at a path in the container.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    quantity,
    volume::{AccessMode, default_access_modes},
};

/// A volume at a path in the container: one that exists, by its name, or one that is made for the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeMount {
    /// Absolute path in the container.
    #[schemars(length(min = 1, max = 4096), regex(pattern = r"^[/~]"))]
    pub mount_path: String,
    /// The user's volume of this name; where there is none, a PersistentVolumeClaim of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Directory inside the volume, made if it is missing: a relative path without `..`. Default: all of the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub sub_path: Option<String>,
    /// In place of a name, a volume that is made for the task. All nodes of the task share it, it keeps what is in it when
    /// the task is started again, and it is deleted with the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<EphemeralVolume>,
}

/// A volume that is made for a task: one PersistentVolumeClaim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EphemeralVolume {
    /// Size, as a Kubernetes quantity such as `10Gi`.
    #[schemars(length(min = 1, max = 32), regex(pattern = quantity::SIZE_PATTERN))]
    pub size: String,
    /// Storage class. Default: the cluster's default class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub storage_class: Option<String>,
    /// How the volume may be mounted. Several nodes need `ReadWriteMany`.
    #[serde(default = "default_access_modes")]
    #[schemars(length(min = 1, max = 4))]
    pub access_modes: Vec<AccessMode>,
    /// Labels of the claim.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Why a volume cannot be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMount {
    /// Kubernetes refuses it.
    #[error("the directory inside the volume must be a relative path without `..`")]
    SubPath,
    /// Only one machine can mount it, and each node has one of its own.
    #[error(
        "several nodes cannot share a new volume of this access mode: write ReadWriteMany, or the name of a volume"
    )]
    OneMachine,
}

impl VolumeMount {
    /// Whether a task of so many nodes can have it.
    ///
    /// # Errors
    /// What the schema cannot say.
    pub fn check(&self, nodes: u32) -> Result<(), InvalidMount> {
        let leaves = |path: &String| path.starts_with('/') || path.split('/').any(|part| part == "..");
        if self.sub_path.as_ref().is_some_and(leaves) {
            return Err(InvalidMount::SubPath);
        }
        let shared = |mode: &AccessMode| matches!(mode, AccessMode::ReadWriteMany | AccessMode::ReadOnlyMany);
        let alone = |volume: &EphemeralVolume| !volume.access_modes.iter().any(shared);
        if nodes > 1 && self.ephemeral.as_ref().is_some_and(alone) {
            return Err(InvalidMount::OneMachine);
        }
        Ok(())
    }
}
