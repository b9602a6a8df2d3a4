//! What keeps a task of several nodes waiting for long is in its status, with the node's name.

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt as _;
use serde_json::json;
use sky_crd::task::{SkyTask, TaskPhase};
use sky_tests::{history::History, space::Space};

/// What the task waits for, as one word and as a sentence.
fn pending(task: &SkyTask) -> Option<(&str, &str)> {
    let pending = task.status.as_ref()?.pending.as_ref()?;
    Some((&pending.reason, &pending.message))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_setup_is_named() {
    Space::with("long-setup", 2, async |space| {
        let setup = "[ $NODE_RANK = 0 ] || until getent hosts go >/dev/null; do sleep 1; done";
        space.task("pair", json!({"numNodes": 2, "setup": setup, "run": "echo run; sleep 300"})).await;
        let told = |task: &SkyTask| pending(task) == Some(("SettingUp", "node-1: setup still running"));
        let task = space.when("pair", "waits for the setup of node 1", told).await;
        let status = task.status.as_ref().expect("a status");
        assert_eq!(status.phase, Some(TaskPhase::Running), "{status:#?}");
        let since = status.pending.as_ref().and_then(|pending| pending.since.clone());
        assert_eq!(since, status.nodes[1].started_at, "{status:#?}");

        space.create::<Service>(json!({"metadata": {"name": "go"}, "spec": {"ports": [{"port": 80}]}})).await;
        for pod in space.running("pair").await {
            space.said(&pod, "run").await;
        }
        space
            .when("pair", "waits for nothing", |task| {
                pending(task).is_none()
                    && task.status.as_ref().is_some_and(|status| status.nodes.iter().all(|node| node.reason.is_none()))
            })
            .await;
    })
    .await;
}

/// A registry whose queue is full: no connection is refused, and none comes about.
const FULL: &str = "
import socket, time
registry = socket.create_server(('', 5000), backlog=0)
waiting = [socket.socket() for _ in range(4)]
for one in waiting:
    one.setblocking(False)
    one.connect_ex(('127.0.0.1', 5000))
print('up', flush=True)
time.sleep(600)
";

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_does_not_come_is_named() {
    Space::with("slow-image", 2, async |space| {
        let container = json!({"name": "task", "image": "python:3.13-slim", "command": ["python3", "-c", FULL]});
        let spec = json!({"containers": [container], "terminationGracePeriodSeconds": 0});
        let pods = History::start(space.api::<Pod>()).await;
        space.create::<Pod>(json!({"metadata": {"name": "registry"}, "spec": spec})).await;
        space.said("registry", "up").await;
        // Its log can be there before the kubelet has reported its address.
        let address = |pod: &Pod| pod.status.as_ref()?.pod_ip.clone().filter(|_| pod.name_any() == "registry");
        let registry = pods.when("the registry has an address", |pod| address(pod).is_some()).await;
        let address = address(&registry).expect("it has");

        let image = format!("{address}:5000/slow:1");
        space.task("one", json!({"run": "true", "resources": {"imageId": image}})).await;
        let task = space
            .when("one", "is being pulled", |task| pending(task).is_some_and(|(reason, _)| reason == "ImagePulling"));
        let task = task.await;
        let (_, message) = pending(&task).expect("pending");
        assert!(
            message.starts_with("node-0: ") && message.ends_with(&format!(" is pulling the image {image}")),
            "{message}"
        );
    })
    .await;
}
