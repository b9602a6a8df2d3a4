//! A SkyVolume: its claim, what state that is in, and what to do next.

mod claim;
mod plan;
#[cfg(test)]
mod plan_tests;
mod status;

pub use claim::belongs_to;
pub use plan::{ObservedVolume, invalid, plan};

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;
use sky_crd::{
    InvalidUser, TaskId, User,
    quantity::{Amount, InvalidAmount},
    volume::{SkyVolume, SkyVolumeSpec, SkyVolumeStatus},
};

use crate::owner::Owner;

/// A volume whose claim the API server has no reason of form to refuse.
#[derive(Clone, Debug)]
pub struct ValidVolume {
    /// The SkyVolume as owner of its claim.
    pub owner: Owner,
    /// Its generation.
    pub generation: i64,
    /// Its id.
    pub id: TaskId,
    /// Its name as the user wrote it.
    pub name: String,
    /// Whom it belongs to.
    pub user: User,
    /// Size asked for.
    pub size: Amount,
    /// Name of the claim.
    pub claim: String,
    /// Everything else, as the user wrote it.
    pub spec: SkyVolumeSpec,
    /// The status that is recorded.
    pub status: SkyVolumeStatus,
}

/// Why a volume can never be. The sentences go to the user as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVolume {
    /// The object never was in an API server.
    #[error("the object has no UID, name or namespace")]
    NotStored,
    /// `spec.user`.
    #[error("spec.user: {0}")]
    User(#[from] InvalidUser),
    /// `spec.size`.
    #[error("spec.size: {0}")]
    Size(#[from] InvalidAmount),
}

/// The volume with every text that has a meaning turned into it.
///
/// # Errors
/// The first thing that makes the volume impossible, with the field's name.
pub fn validate(volume: &SkyVolume) -> Result<ValidVolume, InvalidVolume> {
    Ok(ValidVolume {
        owner: Owner::of(volume).ok_or(InvalidVolume::NotStored)?,
        generation: volume.metadata.generation.unwrap_or(0),
        id: volume.volume_id(),
        name: volume.volume_name(),
        user: volume.user()?,
        size: Amount::size(&volume.spec.size)?,
        claim: volume.claim_name(),
        spec: volume.spec.clone(),
        status: volume.status.clone().unwrap_or_default(),
    })
}

/// Whether two claims are the same object.
fn same(claim: &PersistentVolumeClaim, other: &PersistentVolumeClaim) -> bool {
    claim.name_any() == other.name_any()
}
