//! The claim of a volume: what it is, and whose.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{ResourceExt as _, core::ObjectMeta};
use sky_crd::{User, label, quantity::Amount, volume::DeletionPolicy};

use super::ValidVolume;

/// The claim that the volume asks for. It has an owner, and so is deleted with the volume, only if the volume says so.
pub(super) fn claim(volume: &ValidVolume) -> PersistentVolumeClaim {
    let requests = BTreeMap::from([("storage".to_owned(), volume.size.to_quantity())]);
    let owners = wanted_owners(volume, &[]);
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(volume.claim.clone()),
            namespace: Some(volume.owner.namespace.clone()),
            labels: Some(label::volume_labels(&volume.id, &volume.name, &volume.user)),
            owner_references: (!owners.is_empty()).then_some(owners),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(volume.spec.access_modes.iter().map(|mode| mode.as_str().to_owned()).collect()),
            storage_class_name: volume.spec.storage_class.clone(),
            resources: Some(VolumeResourceRequirements { requests: Some(requests), limits: None }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}

/// The owners that the claim must have: this volume iff its deletion policy is Delete, and whoever else is there.
pub(super) fn wanted_owners(volume: &ValidVolume, present: &[OwnerReference]) -> Vec<OwnerReference> {
    let mut owners: Vec<_> = present.iter().filter(|owner| owner.uid != volume.owner.uid).cloned().collect();
    if volume.spec.deletion_policy == DeletionPolicy::Delete {
        owners.push(volume.owner.reference.clone());
    }
    owners
}

/// The size that the claim asks for.
pub(super) fn requested(claim: &PersistentVolumeClaim) -> Option<Amount> {
    claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?.get("storage")?.0.parse().ok()
}

/// The size that the claim has got.
pub(super) fn capacity(claim: &PersistentVolumeClaim) -> Option<Amount> {
    claim.status.as_ref()?.capacity.as_ref()?.get("storage")?.0.parse().ok()
}

/// Whether the claim has its storage.
pub(super) fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound")
}

/// Whether a user may use this claim: nobody's claims are everybody's, labelled ones only their user's.
pub fn belongs_to(claim: &PersistentVolumeClaim, user: &User) -> bool {
    match (claim.labels().get(label::USER_HASH), claim.labels().get(label::USERNAME)) {
        (Some(hash), _) => *hash == user.hash(),
        // Claims of the Python original carry the label form only.
        (None, Some(username)) => *username == user.label_value(),
        (None, None) => true,
    }
}

/// Whether an existing claim of the right name may serve the volume: named explicitly, or made for this very volume
/// earlier and kept, or made for it now. Never one that another object controls.
pub(super) fn may_adopt(volume: &ValidVolume, claim: &PersistentVolumeClaim) -> bool {
    let controlled_by_other =
        claim.owner_references().iter().any(|owner| owner.controller == Some(true) && owner.uid != volume.owner.uid);
    let named = volume.spec.claim_name.is_some();
    let made_for_it = claim.labels().get(label::VOLUME_ID).is_some_and(|id| id == volume.id.as_str());
    !controlled_by_other
        && belongs_to(claim, &volume.user)
        && (named || made_for_it || volume.owner.controls(&claim.metadata))
}
