//! What to do next for a volume.

use k8s_openapi::{
    api::core::v1::PersistentVolumeClaim,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt as _;
use sky_crd::{
    condition::Reason,
    volume::{SkyVolume, SkyVolumeStatus},
};

use super::{
    InvalidVolume, ValidVolume,
    claim::{belongs_to, claim, is_bound, may_adopt, requested, wanted_owners},
    same,
    status::{self, Judgement},
};
use crate::{
    plan::{Applied, Note, Plan, Refusal, Write},
    settle::{Moment, SETTLE, moment},
};

/// Look again after this time even if no watch says anything: a missed event heals.
const RESYNC: SignedDuration = SignedDuration::from_mins(10);

/// Everything that decides about a volume, read at one moment.
#[derive(Clone, Debug, Default)]
pub struct ObservedVolume {
    /// The claim of the volume's name, whoever it belongs to.
    pub claim: Option<PersistentVolumeClaim>,
    /// Names of SkyTasks that use the volume and are not finished, sorted.
    pub used_by: Vec<String>,
    /// The last write of this pass, if the cluster did not take it.
    pub refusal: Option<Refusal>,
    /// When the first change was noticed that is not recorded in the status yet.
    pub noticed: Option<Timestamp>,
}

impl ObservedVolume {
    /// Takes in what a write brought.
    pub fn absorb(&mut self, applied: Applied) {
        if let Applied::Claim(claim) = applied
            && self.claim.as_ref().is_none_or(|known| same(known, &claim))
        {
            self.claim = Some(*claim);
        }
    }
}

/// What to do next for a valid volume.
pub fn plan(volume: &ValidVolume, observed: &ObservedVolume, now: Timestamp) -> Plan<SkyVolumeStatus> {
    let (claim, judgement) = match next(volume, observed) {
        Next::Write(write) => return Plan::of_writes(vec![write]),
        Next::Judge(claim, judgement) => (claim, judgement),
    };
    let new = status::status(volume, claim, &judgement, observed.used_by.clone(), now);
    let idle = Plan { requeue: Some(RESYNC), ..Plan::idle() };
    if volume.status == new {
        return idle;
    }
    let urgent =
        volume.status.observed_generation != new.observed_generation || volume.status.conditions != new.conditions;
    match moment(if urgent { SignedDuration::ZERO } else { SETTLE }, observed.noticed, now) {
        Moment::Now => Plan { notes: notes(&volume.status, &judgement), status: Some(new), ..idle },
        Moment::After(wait) => Plan { requeue: Some(wait), held_back: true, ..idle },
    }
}

/// What to do for a volume that can never be: say so, once.
pub fn invalid(volume: &SkyVolume, error: &InvalidVolume, now: Timestamp) -> Plan<SkyVolumeStatus> {
    let message = error.to_string();
    let status = status::of_invalid(volume, &message, now);
    if volume.status.as_ref() == Some(&status) {
        return Plan::idle();
    }
    let note = Note { warning: true, reason: Reason::InvalidSpec, message };
    Plan { status: Some(status), notes: vec![note], ..Plan::idle() }
}

enum Next<'a> {
    Write(Write),
    Judge(Option<&'a PersistentVolumeClaim>, Judgement),
}

fn next<'a>(volume: &ValidVolume, observed: &'a ObservedVolume) -> Next<'a> {
    if let Some(refusal) = &observed.refusal {
        return Next::Judge(observed.claim.as_ref(), Judgement::stalled(refusal.reason, refusal.message.clone()));
    }
    let Some(present) = &observed.claim else {
        return match &volume.spec.claim_name {
            Some(name) => {
                let message = format!("the claim {name} does not exist: create it, or leave out spec.claimName");
                Next::Judge(None, Judgement::waiting(Reason::ClaimNotFound, message))
            }
            None => Next::Write(Write::CreateClaim(Box::new(claim(volume)))),
        };
    };
    if !may_adopt(volume, present) {
        let name = present.name_any();
        let judgement = if belongs_to(present, &volume.user) {
            Judgement::stalled(Reason::NameConflict, format!("a claim {name} exists that was not made for this volume"))
        } else {
            Judgement::stalled(Reason::VolumeForbidden, format!("the claim {name} belongs to another user"))
        };
        return Next::Judge(None, judgement);
    }
    if present.metadata.deletion_timestamp.is_some() {
        let message = format!("the claim {} is being deleted", present.name_any());
        return Next::Judge(Some(present), Judgement::waiting(Reason::Provisioning, message));
    }
    let owners = wanted_owners(volume, present.owner_references());
    let known = present.owner_references().iter().any(|owner| owner.uid == volume.owner.uid);
    let wanted = owners.iter().any(|owner| owner.uid == volume.owner.uid);
    if known != wanted {
        return Next::Write(Write::SetClaimOwners {
            claim: present.name_any(),
            uid: present.uid().unwrap_or_default(),
            resource_version: present.resource_version().unwrap_or_default(),
            owners,
        });
    }
    if let Some(write) = growth(volume, present) {
        return Next::Write(write);
    }
    Next::Judge(Some(present), status::judge(volume, present))
}

/// What makes the claim as large as the volume asks for. Only a bound claim can grow, and none can shrink; whether its
/// class lets it grow is for the API server to say.
fn growth(volume: &ValidVolume, claim: &PersistentVolumeClaim) -> Option<Write> {
    let asked = requested(claim)?;
    (is_bound(claim) && asked.value() < volume.size.value()).then(|| Write::GrowClaim {
        claim: claim.name_any(),
        uid: claim.uid().unwrap_or_default(),
        resource_version: claim.resource_version().unwrap_or_default(),
        size: volume.size.to_quantity(),
    })
}

/// What users are told: when the volume needs somebody.
fn notes(old: &SkyVolumeStatus, judgement: &Judgement) -> Vec<Note> {
    let known = old.conditions.iter().any(|condition| condition.reason == judgement.reason.as_str());
    let note = Note { warning: true, reason: judgement.reason, message: judgement.message.clone() };
    if judgement.stalled && !known { vec![note] } else { Vec::new() }
}
