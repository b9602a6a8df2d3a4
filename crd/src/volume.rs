//! The resource `SkyVolume`: storage that outlives the tasks which use it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, ResourceExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{InvalidUser, TaskId, User, name, quantity};

/// A volume: one PersistentVolumeClaim, found by tasks of the same user by its name.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "skytask.dev",
    version = "v1alpha1",
    kind = "SkyVolume",
    plural = "skyvolumes",
    namespaced,
    doc = "Storage that outlives the tasks which use it: one PersistentVolumeClaim.",
    status = "SkyVolumeStatus",
    derive = "PartialEq",
    shortname = "sv",
    category = "sky",
    selectable = ".spec.user",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "Phase of the claim"),
    printcolumn(name = "Size", type_ = "string", json_path = ".spec.size", description = "Size asked for"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether tasks can use the volume"
    ),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user", description = "Whom the volume belongs to"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since creation"
    ),
    printcolumn(
        name = "Claim",
        type_ = "string",
        json_path = ".status.claimName",
        priority = "1",
        description = "The claim"
    ),
    printcolumn(
        name = "Class",
        type_ = "string",
        json_path = ".status.storageClass",
        priority = "1",
        description = "Storage class of the claim"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SkyVolumeSpec {
    /// Name under which tasks of the user find the volume. Default: the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,

    /// Size, as a Kubernetes quantity such as `10Gi`. It may grow later, if the storage class allows it.
    #[schemars(length(min = 1, max = 32), regex(pattern = quantity::SIZE_PATTERN))]
    pub size: String,

    /// Storage class. Default: the cluster's default class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub storage_class: Option<String>,

    /// How the volume may be mounted.
    #[serde(default = "default_access_modes")]
    #[schemars(length(min = 1, max = 4))]
    pub access_modes: Vec<AccessMode>,

    /// Whom the volume belongs to.
    #[serde(default = "User::default_name")]
    #[schemars(length(min = 1, max = 253))]
    pub user: String,

    /// Id of the volume: 8 lower-case hex digits. Without it, made from namespace and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{8}$"), length(min = 8, max = 8))]
    pub volume_id: Option<String>,

    /// Existing claim to take over instead of making one. Refused when the claim belongs to another user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub claim_name: Option<String>,

    /// What happens to the claim when the SkyVolume is deleted. May be changed at any time.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// How a volume may be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// Read and write, by pods of one machine.
    ReadWriteOnce,
    /// Read and write, by pods of many machines.
    ReadWriteMany,
    /// Read, by pods of many machines.
    ReadOnlyMany,
    /// Read and write, by one pod.
    ReadWriteOncePod,
}

impl AccessMode {
    /// All modes, with Kubernetes' spelling.
    pub const ALL: [(Self, &str); 4] = [
        (Self::ReadWriteOnce, "ReadWriteOnce"),
        (Self::ReadWriteMany, "ReadWriteMany"),
        (Self::ReadOnlyMany, "ReadOnlyMany"),
        (Self::ReadWriteOncePod, "ReadWriteOncePod"),
    ];

    /// Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteMany => "ReadWriteMany",
            Self::ReadOnlyMany => "ReadOnlyMany",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
        }
    }

    /// The mode with Kubernetes' spelling.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(mode, spelling)| (spelling == text).then_some(mode))
    }
}

/// What happens to a claim when its SkyVolume is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The claim is deleted too.
    Delete,
    /// The claim stays, and a SkyVolume of the same name finds it again.
    #[default]
    Retain,
}

/// What the operator has seen of a volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkyVolumeStatus {
    /// Generation that this status speaks of; -1 until the operator has seen the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Id of the volume: 8 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_id: Option<String>,
    /// Phase of the claim: `Pending`, `Bound` or `Lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Name of the claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_name: Option<String>,
    /// Size that the claim has got, once bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// Storage class that the claim has got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Access modes of the claim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub access_modes: Vec<String>,
    /// Tasks that use the volume and are not finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub used_by: Vec<String>,
    /// Ready, Reconciling and Stalled (kstatus).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub conditions: Vec<Condition>,
}

impl SkyVolume {
    /// The volume's id: `spec.volumeId`, else from namespace and name.
    pub fn volume_id(&self) -> TaskId {
        let written = self.spec.volume_id.as_deref().and_then(|id| id.parse().ok());
        written.unwrap_or_else(|| TaskId::from_object(&self.namespace().unwrap_or_default(), &self.name_any()))
    }

    /// The volume's name: `spec.name`, else the object's.
    pub fn volume_name(&self) -> String {
        self.spec.name.clone().unwrap_or_else(|| self.name_any())
    }

    /// Whom the volume belongs to.
    pub fn user(&self) -> Result<User, InvalidUser> {
        self.spec.user.parse()
    }

    /// Name of the claim: the adopted one, else `{name}-{volume-id}`.
    pub fn claim_name(&self) -> String {
        let made = || name::claim_name(&self.volume_name(), &self.volume_id());
        self.spec.claim_name.clone().unwrap_or_else(made)
    }
}

pub(crate) fn default_access_modes() -> Vec<AccessMode> {
    vec![AccessMode::ReadWriteOnce]
}
