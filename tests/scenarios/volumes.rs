//! Volumes, from claim to mount.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;
use serde_json::{Value, json};
use sky_crd::{condition::ConditionType, volume::SkyVolume};
use sky_tests::{
    history::History,
    space::{Space, condition, reason},
};

fn mounting(volume: &str, run: &str) -> Value {
    json!({"volumes": [{"mountPath": "/data", "name": volume}], "run": run})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_task_writes_the_next_reads() {
    Space::with("volume", 2, async |space| {
        space.volume("data", json!({})).await;
        space.check_scripts(vec![("writes", mounting("data", "echo kept > /data/x; echo ok"), 0, "ok\n")]).await;
        space.check_scripts(vec![("reads", mounting("data", "cat /data/x"), 0, "kept\n")]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_waits_for_its_volume_and_says_so() {
    Space::with("late-volume", 1, async |space| {
        space.task("early", mounting("later", "echo here")).await;
        let waiting = space.when("early", "waits", |task| reason(task).as_deref() == Some("VolumeNotFound")).await;
        assert!(waiting.status.expect("a status").pending.expect("a reason").message.contains("later"));
        space.volume("later", json!({})).await;
        let task = space.finished("early").await;
        assert_eq!(space.log(&task, 0).await, "here\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_of_another_user_is_not_found_and_its_claim_is_refused() {
    Space::with("foreign-volume", 1, async |space| {
        let claims: History<PersistentVolumeClaim> = History::start(space.api()).await;
        space.volume("secret", json!({"user": "a@b"})).await;
        let claim = claims.when("the claim", |claim| claim.name_any().starts_with("secret-")).await.name_any();
        let mut by_name = mounting("secret", "true");
        by_name["user"] = json!("a-b");
        let mut by_claim = mounting(&claim, "true");
        by_claim["user"] = json!("a-b");
        space.task("by-name", by_name).await;
        space.task("by-claim", by_claim).await;
        space.when("by-name", "is refused", |task| reason(task).as_deref() == Some("VolumeNotFound")).await;
        let refused =
            space.when("by-claim", "is refused", |task| reason(task).as_deref() == Some("VolumeForbidden")).await;
        assert!(condition(&refused, ConditionType::Stalled));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_claim_is_found_again_and_a_deleted_one_goes() {
    Space::with("retain", 2, async |space| {
        let claims: History<PersistentVolumeClaim> = History::start(space.api()).await;
        let volumes: History<SkyVolume> = History::start(space.api()).await;
        space.volume("kept", json!({})).await;
        space.check_scripts(vec![("writes", mounting("kept", "echo old > /data/x"), 0, "")]).await;
        space.api::<SkyVolume>().delete("kept", &Default::default()).await.expect("deleted");
        volumes.all_gone("the SkyVolume").await;
        space.volume("kept", json!({"deletionPolicy": "Delete"})).await;
        space.check_scripts(vec![("reads", mounting("kept", "cat /data/x"), 0, "old\n")]).await;
        assert_eq!(claims.uids().len(), 1, "the claim was found again");
        let owned = claims.when("the claim has its owner", |claim| !claim.owner_references().is_empty()).await;
        assert_eq!(owned.owner_references()[0].kind, "SkyVolume");
        space
            .api::<sky_crd::task::SkyTask>()
            .delete_collection(&Default::default(), &Default::default())
            .await
            .expect("deleted");
        space.api::<SkyVolume>().delete("kept", &Default::default()).await.expect("deleted");
        claims.all_gone("the claim").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_claim_is_adopted_only_from_nobody_or_oneself() {
    Space::with("adopt", 0, async |space| {
        let volumes: History<SkyVolume> = History::start(space.api()).await;
        for (name, labels) in [("free", json!({})), ("theirs", json!({"username": "bob"}))] {
            let claim = json!({
                "metadata": {"name": name, "labels": labels},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
            });
            space.create::<PersistentVolumeClaim>(claim).await;
            space.volume(name, json!({"user": "ann", "claimName": name})).await;
        }
        let is = |volume: &SkyVolume, name: &str, kind: &str| {
            let conditions = volume.status.iter().flat_map(|status| &status.conditions);
            volume.name_any() == name && conditions.into_iter().any(|c| c.type_ == kind && c.status == "True")
        };
        volumes.when("free is ready", |volume| is(volume, "free", "Ready")).await;
        let refused = volumes.when("theirs is stalled", |volume| is(volume, "theirs", "Stalled")).await;
        assert_eq!(refused.status.expect("a status").conditions[0].reason, "VolumeForbidden");
    })
    .await;
}
