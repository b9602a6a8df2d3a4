//! The planner of volumes, table by table.

use k8s_openapi::{api::core::v1::PersistentVolumeClaim, jiff::Timestamp};
use serde_json::{Value, json};
use sky_crd::volume::{SkyVolume, SkyVolumeStatus};

use super::{ObservedVolume, invalid, plan, validate};
use crate::plan::{Applied, Plan, Write};

const UID: &str = "uid-of-volume";

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn volume(spec: &Value) -> SkyVolume {
    let mut all = json!({"size": "1Gi", "user": "ann", "volumeId": "0123abcd"});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "skytask.dev/v1alpha1", "kind": "SkyVolume",
        "metadata": {"name": "data", "namespace": "ns", "uid": UID, "generation": 1},
        "spec": all, "status": {"observedGeneration": -1},
    }))
    .unwrap()
}

fn next(spec: &Value, observed: &ObservedVolume) -> Plan<SkyVolumeStatus> {
    plan(&validate(&volume(spec)).unwrap(), observed, now())
}

fn observed(claim: Value) -> ObservedVolume {
    ObservedVolume { claim: Some(serde_json::from_value(claim).unwrap()), ..ObservedVolume::default() }
}

/// The claim as the operator would make it, with changes.
fn claim(owner: Option<&str>, labels: &Value, status: &Value) -> Value {
    let mut all = json!({"volume-id": "0123abcd"});
    all.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
    let owners: Vec<_> = owner
        .iter()
        .map(|uid| json!({"apiVersion": "x", "kind": "K", "name": "n", "uid": uid, "controller": true}))
        .collect();
    json!({
        "metadata": {"name": "data-0123abcd", "namespace": "ns", "uid": "c", "resourceVersion": "7", "labels": all, "ownerReferences": owners},
        "spec": {"storageClassName": "standard"}, "status": status,
    })
}

fn ready(plan: &Plan<SkyVolumeStatus>) -> (String, String) {
    let ready = &plan.status.as_ref().unwrap().conditions[0];
    (ready.status.clone(), ready.reason.clone())
}

#[test]
fn a_new_volume_gets_its_claim() {
    let first = next(&json!({"deletionPolicy": "Delete"}), &ObservedVolume::default());
    let [Write::CreateClaim(claim)] = first.writes.as_slice() else { panic!("{first:?}") };
    insta::assert_snapshot!(serde_yaml::to_string(claim).unwrap());
    let kept = next(&json!({}), &ObservedVolume::default());
    let [Write::CreateClaim(claim)] = kept.writes.as_slice() else { panic!("{kept:?}") };
    assert_eq!(claim.metadata.owner_references, None, "what is kept has no owner");
}

#[test]
fn what_was_created_is_not_created_again() {
    let mut seen = ObservedVolume::default();
    let first = next(&json!({}), &seen);
    let [Write::CreateClaim(claim)] = first.writes.as_slice() else { panic!("{first:?}") };
    seen.absorb(Applied::Claim(claim.clone()));
    assert!(next(&json!({}), &seen).writes.is_empty());
}

#[test]
fn readiness_follows_the_claim() {
    let annotated = |mut claim: Value| {
        claim["metadata"]["annotations"] = json!({"volume.kubernetes.io/storage-provisioner": "p"});
        claim
    };
    let without_class = |mut claim: Value| {
        claim["spec"] = json!({});
        claim
    };
    let of = |phase: &str| claim(None, &json!({}), &json!({"phase": phase}));
    for (claim, status, reason) in [
        (of("Bound"), "True", "Bound"),
        (of("Pending"), "True", "WaitingForConsumer"),
        (annotated(of("Pending")), "False", "Provisioning"),
        (without_class(of("Pending")), "False", "Provisioning"),
        (of("Lost"), "False", "Lost"),
    ] {
        assert_eq!(ready(&next(&json!({}), &observed(claim))), (status.to_owned(), reason.to_owned()));
    }
}

#[test]
fn a_claim_of_somebody_else_is_never_taken() {
    let status = json!({"phase": "Bound"});
    for (spec, claim, reason) in [
        (json!({}), claim(Some("another"), &json!({}), &status), "NameConflict"),
        (json!({}), claim(None, &json!({"volume-id": "ffffffff"}), &status), "NameConflict"),
        (json!({}), claim(None, &json!({"username": "bob"}), &status), "VolumeForbidden"),
        (json!({"claimName": "data-0123abcd"}), claim(None, &json!({"username": "bob"}), &status), "VolumeForbidden"),
        (json!({"claimName": "data-0123abcd"}), claim(Some("another"), &json!({}), &status), "NameConflict"),
    ] {
        let next = next(&spec, &observed(claim));
        assert!(next.writes.is_empty());
        assert_eq!(ready(&next), ("False".to_owned(), reason.to_owned()));
    }
}

#[test]
fn a_claim_that_is_named_and_missing_is_waited_for_and_never_made() {
    let next = next(&json!({"claimName": "theirs"}), &ObservedVolume::default());
    assert!(next.writes.is_empty());
    assert_eq!(ready(&next).1, "ClaimNotFound");
}

#[test]
fn the_owner_follows_the_deletion_policy() {
    let status = json!({"phase": "Bound"});
    for (policy, owner, owners) in
        [("Delete", None, Some(1)), ("Retain", Some(UID), Some(0)), ("Delete", Some(UID), None), ("Retain", None, None)]
    {
        let next = next(&json!({"deletionPolicy": policy}), &observed(claim(owner, &json!({}), &status)));
        let set = next.writes.iter().find_map(|write| match write {
            Write::SetClaimOwners { owners, resource_version, uid, .. } => {
                assert_eq!((resource_version.as_str(), uid.as_str()), ("7", "c"));
                Some(owners.len())
            }
            _ => None,
        });
        assert_eq!(set, owners, "{policy} {owner:?}");
    }
}

#[test]
fn comes_to_rest() {
    let mut object = volume(&json!({}));
    let seen = observed(claim(None, &json!({}), &json!({"phase": "Bound", "capacity": {"storage": "1Gi"}})));
    object.status = plan(&validate(&object).unwrap(), &seen, now()).status;
    assert!(plan(&validate(&object).unwrap(), &seen, now()).is_empty());
    let bad = volume(&json!({"size": "0"}));
    let error = validate(&bad).unwrap_err();
    assert!(error.to_string().starts_with("spec.size"));
    let told = SkyVolume { status: invalid(&bad, &error, now()).status, ..bad };
    assert!(invalid(&told, &error, now()).is_empty());
}

#[test]
fn users_are_listed_a_moment_later() {
    let mut object = volume(&json!({}));
    let mut seen = observed(claim(None, &json!({}), &json!({"phase": "Bound"})));
    object.status = plan(&validate(&object).unwrap(), &seen, now()).status;
    seen.used_by = vec!["task".to_owned()];
    assert!(plan(&validate(&object).unwrap(), &seen, now()).held_back);
    seen.noticed = Some(now() - crate::settle::SETTLE);
    assert_eq!(plan(&validate(&object).unwrap(), &seen, now()).status.unwrap().used_by, ["task"]);
}

#[test]
fn only_the_claim_of_the_volume_is_absorbed() {
    let mut seen = observed(claim(None, &json!({}), &json!({})));
    let other: PersistentVolumeClaim = serde_json::from_value(json!({"metadata": {"name": "other"}})).unwrap();
    seen.absorb(Applied::Claim(Box::new(other)));
    assert_eq!(seen.claim.unwrap().metadata.name.as_deref(), Some("data-0123abcd"));
}

/// A bound claim of this request and capacity.
fn sized(request: &str, capacity: &str, condition: &str) -> ObservedVolume {
    let conditions = json!([{"type": condition, "status": "True"}]);
    let status = json!({"phase": "Bound", "capacity": {"storage": capacity}, "conditions": conditions});
    let mut claim = claim(None, &json!({}), &status);
    claim["spec"]["resources"] = json!({"requests": {"storage": request}});
    observed(claim)
}

#[test]
fn a_volume_that_asks_for_more_grows_and_says_when() {
    let bigger = json!({"size": "2Gi"});
    let grow = next(&bigger, &sized("1Gi", "1Gi", "x"));
    let [Write::GrowClaim { size, resource_version, uid, .. }] = grow.writes.as_slice() else { panic!("{grow:?}") };
    assert_eq!((size.0.as_str(), resource_version.as_str(), uid.as_str()), ("2Gi", "7", "c"));
    for (request, capacity, condition, expected) in [
        ("2Gi", "1Gi", "Resizing", ("False", "Resizing")),
        ("2Gi", "1Gi", "FileSystemResizePending", ("True", "Bound")),
        ("2Gi", "2Gi", "x", ("True", "Bound")),
        // One that was adopted and is larger stays as it is.
        ("5Gi", "5Gi", "x", ("True", "Bound")),
    ] {
        let plan = next(&bigger, &sized(request, capacity, condition));
        assert!(plan.writes.is_empty(), "{plan:?}");
        let (status, reason) = ready(&plan);
        assert_eq!((status.as_str(), reason.as_str()), expected, "{request} {capacity} {condition}");
    }
}

#[test]
fn a_claim_without_storage_yet_does_not_grow() {
    let mut seen = sized("1Gi", "1Gi", "x");
    seen.claim.as_mut().unwrap().status = None;
    assert!(next(&json!({"size": "2Gi"}), &seen).writes.is_empty());
}
