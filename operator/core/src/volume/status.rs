//! The status of a volume, from its claim.

use k8s_openapi::{api::core::v1::PersistentVolumeClaim, jiff::Timestamp};
use kube::ResourceExt as _;
use sky_crd::{
    condition::{self, ConditionType, Reason, Verdict},
    volume::{SkyVolume, SkyVolumeStatus},
};

use super::{ValidVolume, claim::capacity};

/// Set by Kubernetes once it has decided who provides the storage; under WaitForFirstConsumer only with the first pod.
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
const PROVISIONER_OLD: &str = "volume.beta.kubernetes.io/storage-provisioner";

/// Whether tasks can use the volume, and why not.
pub(super) struct Judgement {
    pub(super) ready: bool,
    pub(super) stalled: bool,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Judgement {
    pub(super) fn waiting(reason: Reason, message: String) -> Self {
        Self { ready: false, stalled: false, reason, message }
    }

    pub(super) fn stalled(reason: Reason, message: String) -> Self {
        Self { ready: false, stalled: true, reason, message }
    }
}

/// What a claim that serves the volume says.
pub(super) fn judge(volume: &ValidVolume, claim: &PersistentVolumeClaim) -> Judgement {
    let name = claim.name_any();
    let decided = [PROVISIONER, PROVISIONER_OLD].iter().any(|key| claim.annotations().contains_key(*key));
    match phase(claim) {
        "Bound" => bound(volume, claim, &name),
        "Lost" => Judgement::stalled(Reason::Lost, format!("the claim {name} has lost its volume")),
        _ if decided => Judgement::waiting(Reason::Provisioning, format!("the claim {name} waits for its storage")),
        // GitOps waits for Ready: a volume that is bound by its first task must not be waited for.
        _ if has_class(claim) => Judgement {
            ready: true,
            stalled: false,
            reason: Reason::WaitingForConsumer,
            message: format!("the claim {name} is bound once a task uses it"),
        },
        _ => Judgement::waiting(
            Reason::Provisioning,
            format!(
                "the claim {name} has no storage class and no volume fits it: set spec.storageClass or a default class"
            ),
        ),
    }
}

/// A bound claim may still have to grow.
fn bound(volume: &ValidVolume, claim: &PersistentVolumeClaim, name: &str) -> Judgement {
    let ready = |message| Judgement { ready: true, stalled: false, reason: Reason::Bound, message };
    let got = capacity(claim).filter(|got| got.value() < volume.size.value());
    let Some(got) = got else { return ready(format!("the claim {name} is bound")) };
    let conditions = claim.status.iter().flat_map(|status| status.conditions.iter().flatten());
    // As with a claim that its first task binds, nobody may wait for it before that.
    if conditions
        .into_iter()
        .any(|condition| condition.type_ == "FileSystemResizePending" && condition.status == "True")
    {
        return ready(format!("the claim {name} grows from {got} to {} once a task uses it", volume.size));
    }
    Judgement::waiting(Reason::Resizing, format!("the claim {name} grows from {got} to {}", volume.size))
}

fn has_class(claim: &PersistentVolumeClaim) -> bool {
    claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref()).is_some_and(|class| !class.is_empty())
}

fn phase(claim: &PersistentVolumeClaim) -> &str {
    claim.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

/// The status that says this.
pub(super) fn status(
    volume: &ValidVolume,
    claim: Option<&PersistentVolumeClaim>,
    judgement: &Judgement,
    used_by: Vec<String>,
    now: Timestamp,
) -> SkyVolumeStatus {
    let of_claim = claim.and_then(|claim| claim.status.as_ref());
    let capacity =
        of_claim.and_then(|status| status.capacity.as_ref()?.get("storage").map(|quantity| quantity.0.clone()));
    SkyVolumeStatus {
        observed_generation: Some(volume.generation),
        volume_id: Some(volume.id.to_string()),
        phase: Some(claim.map_or("Pending", phase).to_owned()),
        claim_name: Some(volume.claim.clone()),
        capacity,
        storage_class: claim.and_then(|claim| claim.spec.as_ref()?.storage_class_name.clone()),
        access_modes: of_claim.and_then(|status| status.access_modes.clone()).unwrap_or_default(),
        used_by,
        conditions: conditions(&volume.status, volume.generation, judgement, now),
    }
}

/// The status of a volume that can never be.
pub(super) fn of_invalid(volume: &SkyVolume, message: &str, now: Timestamp) -> SkyVolumeStatus {
    let old = volume.status.clone().unwrap_or_default();
    let generation = volume.metadata.generation.unwrap_or(0);
    let judgement = Judgement::stalled(Reason::InvalidSpec, message.to_owned());
    SkyVolumeStatus {
        observed_generation: Some(generation),
        volume_id: Some(volume.volume_id().to_string()),
        phase: Some("Pending".to_owned()),
        conditions: conditions(&old, generation, &judgement, now),
        ..SkyVolumeStatus::default()
    }
}

fn conditions(
    old: &SkyVolumeStatus,
    generation: i64,
    judgement: &Judgement,
    now: Timestamp,
) -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    let all = [
        (ConditionType::Ready, judgement.ready),
        (ConditionType::Reconciling, !judgement.ready && !judgement.stalled),
        (ConditionType::Stalled, judgement.stalled),
    ];
    let verdicts =
        all.map(|(kind, holds)| Verdict { kind, holds, reason: judgement.reason, message: judgement.message.clone() });
    condition::conclude(&old.conditions, &verdicts, generation, now)
}
