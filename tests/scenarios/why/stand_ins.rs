//! Machines without a kubelet, and volumes without storage, for tasks that wait for them.

use std::{future::Future, panic::AssertUnwindSafe};

use futures::FutureExt as _;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use sky_tests::{history::History, space::Space};

/// Label and taint of the one machine of a test: no other test's pods go there.
pub const MINE: &str = "why.test/space";

/// Runs a test beside a machine of four cores, which is gone afterwards, as are its volumes.
pub async fn with_machine<F: Future>(space: &Space, test: impl FnOnce() -> F) -> F::Output {
    let nodes: Api<Node> = Api::all(space.client.clone());
    create(&nodes, &space.name).await;
    let result = AssertUnwindSafe(test()).catch_unwind().await;
    // Nobody but us would ever end them.
    let at_once = DeleteParams::default().grace_period(0);
    space.api::<Pod>().delete_collection(&at_once, &ListParams::default()).await.expect("the pods are deleted");
    let mine = ListParams::default().labels(&format!("{MINE}={}", space.name));
    nodes.delete_collection(&DeleteParams::default(), &mine).await.expect("the node is deleted");
    let volumes: Api<PersistentVolume> = Api::all(space.client.clone());
    volumes.delete_collection(&DeleteParams::default(), &mine).await.expect("the volumes are deleted");
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

async fn create(nodes: &Api<Node>, space: &str) {
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("{space}-full"), "labels": {MINE: space}},
        "spec": {"taints": [{"key": MINE, "value": space, "effect": "NoSchedule"}]},
    });
    let node: Node = serde_json::from_value(node).expect("a node");
    nodes.create(&PostParams::default(), &node).await.expect("the node is created");
    let has = json!({"cpu": "4", "memory": "8Gi", "ephemeral-storage": "300G", "pods": "110"});
    let ready = json!({"type": "Ready", "status": "True", "reason": "Test", "message": "", "lastHeartbeatTime": null});
    let status = json!({"status": {"capacity": has, "allocatable": has, "conditions": [ready]}});
    let name = format!("{space}-full");
    nodes.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await.expect("the node has a status");
}

/// A task that goes to that machine, dead as it is, and asks for so many cores.
pub fn on_it(space: &Space, cpus: u32) -> Value {
    let tolerated = |key: &str| json!({"key": key, "operator": "Exists"});
    json!({
        "run": "true", "resources": {"cpus": cpus}, "nodeSelector": {MINE: space.name},
        "tolerations":
            [tolerated(MINE), tolerated("node.kubernetes.io/not-ready"), tolerated("node.kubernetes.io/unreachable")],
    })
}

/// A claim with a volume of its own: what the volume is made of, and how it may be used.
pub async fn claim(space: &Space, name: &str, mode: &str, volume: Value) {
    let volume_name = format!("{}-{name}", space.name);
    let mut object = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume_name, "labels": {MINE: space.name}},
        "spec": {
            "capacity": {"storage": "1Mi"}, "accessModes": [mode], "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": space.name, "name": name},
        },
    });
    object["spec"].as_object_mut().expect("a mapping").extend(volume.as_object().cloned().expect("a mapping"));
    let object: PersistentVolume = serde_json::from_value(object).expect("a volume");
    let volumes: Api<PersistentVolume> = Api::all(space.client.clone());
    volumes.create(&PostParams::default(), &object).await.expect("the volume is created");
    let storage = json!({"requests": {"storage": "1Mi"}});
    let spec = json!({"accessModes": [mode], "storageClassName": "", "volumeName": volume_name, "resources": storage});
    let claims = History::<PersistentVolumeClaim>::start(space.api()).await;
    space.create::<PersistentVolumeClaim>(json!({"metadata": {"name": name}, "spec": spec})).await;
    let phase = |claim: &PersistentVolumeClaim| claim.status.as_ref()?.phase.clone();
    let bound = |claim: &PersistentVolumeClaim| claim.name_any() == name && phase(claim).as_deref() == Some("Bound");
    claims.when(&format!("the claim {name} is bound"), bound).await;
}
