//! Volumes, from claim to mount.

use k8s_openapi::api::{core::v1::PersistentVolumeClaim, storage::v1::StorageClass};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use sky_crd::{condition::ConditionType, task::SkyTask, volume::SkyVolume};
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
async fn a_directory_of_a_volume_is_mounted_alone_and_never_one_above_it() {
    Space::with("sub-path", 1, async |space| {
        space.volume("data", json!({})).await;
        let part = |sub_path: &str, run: &str| {
            json!({"volumes": [{"mountPath": "/part", "name": "data", "subPath": sub_path}], "run": run})
        };
        space.check_scripts(vec![("writes", part("a/b", "echo kept > /part/x && ls /part"), 0, "x\n")]).await;
        let whole = mounting("data", "cat /data/a/b/x && ls /data");
        space.check_scripts(vec![("reads", whole, 0, "kept\na\n")]).await;
        for (name, sub_path) in [("above", "a/../.."), ("absolute", "/etc")] {
            space.task(name, part(sub_path, "true")).await;
            let task = space.when(name, "is refused", |task| condition(task, ConditionType::Stalled)).await;
            let failure = task.status.and_then(|status| status.failure).expect("a reason");
            assert!(failure.message.contains("`/part`") && failure.message.contains("`..`"), "{failure:?}");
        }
    })
    .await;
}

/// A volume that is made for a task is one for all its nodes and all its attempts, and goes with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_of_a_task_is_shared_by_its_nodes_and_attempts_and_goes_with_it() {
    Space::with("own-volume", 2, async |space| {
        let claims: History<PersistentVolumeClaim> = History::start(space.api()).await;
        let volume = json!({"size": "1Mi", "accessModes": ["ReadWriteMany"], "labels": {"team": "x"}});
        // The first attempt ends once each node has seen what the other wrote, the second finds what the first left.
        let run = "[ -e /own/again ] && exit 0
            touch /own/$NODE_RANK
            until [ -e /own/0 ] && [ -e /own/1 ]; do sleep 0.1; done
            [ $NODE_RANK = 0 ] || exec sleep 600
            touch /own/again
            exit 1";
        let mounts = json!([{"mountPath": "/own", "ephemeral": volume}]);
        let spec = json!({"numNodes": 2, "maxRestarts": 1, "run": run, "volumes": mounts});
        let task = space.task("shares", spec).await;
        let claim = claims.when("the claim", |claim| claim.labels().contains_key("team")).await;
        assert_eq!(claim.owner_references()[0].uid, task.metadata.uid.clone().expect("a UID"));
        let status = space.finished("shares").await.status.expect("a status");
        assert_eq!((status.attempt, status.exit_code), (Some(1), Some(0)), "{status:?}");
        assert_eq!(claims.uids().len(), 1, "one claim for all");
        for broken in [json!({"ephemeral": volume, "name": "v"}), json!({})] {
            let mut mount = broken;
            mount["mountPath"] = json!("/own");
            let object = json!({"metadata": {"name": "both"}, "spec": {"run": "true", "volumes": [mount]}});
            let error = space.try_create::<SkyTask>(object).await.expect_err("refused").to_string();
            assert!(error.contains("write either name or ephemeral"), "{error}");
        }
        space.api::<SkyTask>().delete("shares", &Default::default()).await.expect("deleted");
        claims.all_gone("the claim").await;
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
        space.api::<SkyTask>().delete_collection(&Default::default(), &Default::default()).await.expect("deleted");
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

fn conditions(volume: &SkyVolume, name: &str, kind: &str) -> Option<(String, String)> {
    let conditions = &volume.status.as_ref()?.conditions;
    let holds = conditions.iter().find(|c| c.type_ == kind && c.status == "True")?;
    (volume.name_any() == name).then(|| (holds.reason.clone(), holds.message.clone()))
}

/// The class decides whether a claim grows. What it refuses is told in its words, and tasks go on with what there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_grows_where_its_class_lets_it_and_never_shrinks() {
    Space::with("grow", 1, async |space| {
        let classes: Api<StorageClass> = Api::all(space.client.clone());
        let class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": space.name},
            "provisioner": "kubernetes.io/host-path", "allowVolumeExpansion": true,
        });
        classes
            .create(&PostParams::default(), &serde_json::from_value(class).expect("a class"))
            .await
            .expect("created");
        let volumes: History<SkyVolume> = History::start(space.api()).await;
        space.volume("grows", json!({"storageClass": space.name})).await;
        space.volume("fixed", json!({})).await;
        let mut claims = Vec::new();
        for name in ["grows", "fixed"] {
            let ready =
                volumes.when("it is bound", |v| conditions(v, name, "Ready").is_some_and(|r| r.0 == "Bound")).await;
            claims.push(ready.status.and_then(|status| status.claim_name).expect("a claim"));
        }
        let api = space.api::<SkyVolume>();
        let size = |size: &str| Patch::Merge(json!({"spec": {"size": size}}));
        for name in ["grows", "fixed"] {
            api.patch(name, &PatchParams::default(), &size("2Mi")).await.expect("a volume may ask for more");
        }
        let refused =
            volumes.when("the class refuses", |volume| conditions(volume, "fixed", "Stalled").is_some()).await;
        let (reason, message) = conditions(&refused, "fixed", "Stalled").expect("stalled");
        assert!(reason == "Refused" && message.contains("grow claim") && message.contains("resize"), "{message}");
        let growing = volumes
            .when("it grows", |volume| conditions(volume, "grows", "Reconciling").is_some_and(|r| r.0 == "Resizing"));
        println!("{:?}\n{message}", conditions(&growing.await, "grows", "Reconciling"));
        // The cluster's provisioner makes no directory larger, so the test says that it did.
        let larger = Patch::Merge(json!({"status": {"capacity": {"storage": "2Mi"}}}));
        let claim = space.api::<PersistentVolumeClaim>();
        claim.patch_status(&claims[0], &PatchParams::default(), &larger).await.expect("a status");
        let grown = |volume: &SkyVolume| {
            let capacity = volume.status.as_ref().and_then(|status| status.capacity.clone());
            conditions(volume, "grows", "Ready").is_some() && capacity.as_deref() == Some("2Mi")
        };
        volumes.when("it has grown", grown).await;
        let shrunk = api.patch("grows", &PatchParams::default(), &size("1Mi")).await.expect_err("refused").to_string();
        assert!(shrunk.contains("a volume can grow, not shrink") && !shrunk.contains("immutable"), "{shrunk}");
        space.check_scripts(vec![("uses", mounting("fixed", "echo x > /data/x && cat /data/x"), 0, "x\n")]).await;
        classes.delete(&space.name, &Default::default()).await.expect("deleted");
    })
    .await;
}

/// GitOps waits for Ready: a volume that its first task binds must not be waited for. While tasks use it, it says which.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_waits_for_its_first_task_is_ready_and_says_who_uses_it() {
    Space::with("first-consumer", 1, async |space| {
        let classes: Api<StorageClass> = Api::all(space.client.clone());
        let class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": space.name},
            "provisioner": "kubernetes.io/host-path", "volumeBindingMode": "WaitForFirstConsumer",
        });
        classes
            .create(&PostParams::default(), &serde_json::from_value(class).expect("a class"))
            .await
            .expect("created");
        let volumes: History<SkyVolume> = History::start(space.api()).await;
        space.volume("data", json!({"storageClass": space.name, "deletionPolicy": "Delete"})).await;
        let reason = |volume: &SkyVolume| conditions(volume, "data", "Ready").map(|ready| ready.0);
        volumes.when("it is ready", |volume| reason(volume).as_deref() == Some("WaitingForConsumer")).await;
        space.task("user", mounting("data", "exec sleep 600")).await;
        let used = |volume: &SkyVolume| volume.status.as_ref().is_some_and(|status| status.used_by == ["user"]);
        volumes.when("it is bound and used", |v| used(v) && reason(v).as_deref() == Some("Bound")).await;
        let running = |task: &SkyTask| task.status.as_ref().is_some_and(|status| status.running_nodes == Some(1));
        space.when("user", "runs", running).await;
        // In use, the claim outlives the SkyVolume for as long as the task runs.
        let claims: History<PersistentVolumeClaim> = History::start(space.api()).await;
        space.api::<SkyVolume>().delete("data", &Default::default()).await.expect("deleted");
        claims.when("the claim is protected", |claim| claim.metadata.deletion_timestamp.is_some()).await;
        assert!(running(&space.api::<SkyTask>().get("user").await.expect("the task")), "it goes on");
        space.api::<SkyTask>().delete("user", &Default::default()).await.expect("deleted");
        claims.all_gone("the claim").await;
        classes.delete(&space.name, &Default::default()).await.expect("deleted");
    })
    .await;
}
